"""Renders the photos of the demo set inside Blender 3.4 (Cycles on the CPU, no denoiser).

In: `blender -b --python scene.py -- specs.json labels out [from_end]`.
Out: one JPEG per spec. Photos already there are skipped, so a broken run resumes; two runs may meet in the middle.
"""

from __future__ import annotations

import json
import math
import random
import sys
from pathlib import Path

import bpy
from mathutils import Vector

PIXELS, SAMPLES = 192, 11
TABLES = ("wood", "dark_wood", "marble", "granite", "tile", "laminate")
WALLS = ("plaster", "tile", "painted", "brick")
# Metres: half width, half depth, height.
BOXES = {"carton": (0.066, 0.032, 0.19), "gable": (0.045, 0.045, 0.165), "pouch": (0.068, 0.036, 0.2)}
# Outline of round packs as (radius, height, part).
ROUNDS = {
    "tin": [(0.0, 0, "metal"), (0.047, 0, "metal"), (0.049, 0.003, "metal"), (0.0475, 0.007, "label"),
            (0.0475, 0.115, "metal"), (0.0495, 0.118, "metal"), (0.0495, 0.122, "metal"), (0.046, 0.1225, "metal"),
            (0.0455, 0.1185, "metal"), (0.0, 0.1185, "metal")],
    "jar": [(0.0, 0, "food"), (0.041, 0, "food"), (0.046, 0.006, "food"), (0.046, 0.022, "label"),
            (0.046, 0.088, "food"), (0.046, 0.1, "food"), (0.043, 0.112, "food"), (0.036, 0.119, "cap"),
            (0.039, 0.12, "cap"), (0.039, 0.135, "cap"), (0.037, 0.138, "cap"), (0.0, 0.138, "cap")],
    "bottle": [(0.0, 0, "plain"), (0.038, 0, "plain"), (0.042, 0.006, "plain"), (0.042, 0.03, "label"),
               (0.042, 0.115, "plain"), (0.041, 0.13, "plain"), (0.034, 0.15, "plain"), (0.021, 0.17, "plain"),
               (0.016, 0.18, "cap"), (0.018, 0.181, "cap"), (0.018, 0.203, "cap"), (0.016, 0.206, "cap"),
               (0, 0.206, "cap")],
    "mug": [(0.0, 0, "plain"), (0.033, 0, "plain"), (0.039, 0.006, "plain"), (0.041, 0.09, "plain"),
            (0.038, 0.09, "plain"), (0.036, 0.01, "plain"), (0.0, 0.008, "plain")],
    "bowl": [(0.0, 0, "plain"), (0.035, 0, "plain"), (0.06, 0.02, "plain"), (0.078, 0.055, "plain"),
             (0.074, 0.055, "plain"), (0.05, 0.02, "plain"), (0.0, 0.012, "plain")],
}  # fmt: skip


# ---- materials


def material(name, colour, rough=0.5, metal=0.0):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = rough
    shader.inputs["Metallic"].default_value = metal
    return made


def nodes_of(made):
    tree = made.node_tree
    return tree, tree.nodes["Principled BSDF"], lambda kind: tree.nodes.new("ShaderNode" + kind)


def label_material(path, crumple):
    made = material(path.stem, (1, 1, 1), rough=0.32 if crumple else 0.42)
    tree, shader, add = nodes_of(made)
    picture = add("TexImage")
    picture.image = bpy.data.images.load(str(path))
    tree.links.new(picture.outputs["Color"], shader.inputs["Base Color"])
    if crumple:
        noise, bump = add("TexNoise"), add("Bump")
        noise.inputs["Scale"].default_value = 14
        noise.inputs["Detail"].default_value = 3
        bump.inputs["Strength"].default_value = 0.5
        bump.inputs["Distance"].default_value = 0.02
        place = add("TexCoord")
        tree.links.new(place.outputs["Object"], noise.inputs["Vector"])
        tree.links.new(noise.outputs["Fac"], bump.inputs["Height"])
        tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    return made


def pattern_material(name, kind, low, high, scale, rough, stretch=(1, 1, 1), mortar=None):
    """A two-colour procedural surface: noise, grain (stretched wave) or tiles."""
    made = material(name, low, rough)
    tree, shader, add = nodes_of(made)
    place, mapping = add("TexCoord"), add("Mapping")
    mapping.inputs["Scale"].default_value = stretch
    tree.links.new(place.outputs["Object"], mapping.inputs["Vector"])
    if kind == "tiles":
        tex = add("TexBrick")
        tex.inputs["Scale"].default_value = scale
        for key, value in (("Color1", low), ("Color2", high), ("Mortar", mortar)):
            tex.inputs[key].default_value = (*value, 1)
        tex.inputs["Mortar Size"].default_value = 0.012
        tree.links.new(mapping.outputs[0], tex.inputs["Vector"])
        tree.links.new(tex.outputs["Color"], shader.inputs["Base Color"])
        return made
    tex, ramp = add("TexWave" if kind == "grain" else "TexNoise"), add("ValToRGB")
    tex.inputs["Scale"].default_value = scale
    tex.inputs["Detail"].default_value = 5
    tex.inputs["Distortion"].default_value = 6 if kind == "grain" else 1.4
    if kind == "grain":
        tex.inputs["Detail Scale"].default_value = 1.6
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = (
        (0.0, 1.0) if kind == "grain" else (0.36, 0.64)
    )
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (*low, 1), (*high, 1)
    tree.links.new(mapping.outputs[0], tex.inputs["Vector"])
    tree.links.new(tex.outputs["Fac"], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], shader.inputs["Base Color"])
    return made


def glowing(name, colour):
    """The deep back of a shelf: lit light by light it stays grainy at few samples, so it shines faintly instead."""
    made = material(name, (0, 0, 0), 1.0)
    shader = nodes_of(made)[1]
    shader.inputs["Emission"].default_value = (*colour, 1)
    shader.inputs["Specular"].default_value = 0
    return made


def surfaces():
    made = pattern_material
    return {
        "wood": made("wood", "grain", (0.42, 0.22, 0.1), (0.56, 0.33, 0.17), 5, 0.4, (0.5, 4, 1)),
        "dark_wood": made("dark_wood", "grain", (0.09, 0.045, 0.025), (0.17, 0.09, 0.05), 6, 0.35, (0.5, 4, 1)),
        "marble": made("marble", "noise", (0.5, 0.5, 0.52), (0.86, 0.85, 0.83), 6, 0.15),
        "granite": made("granite", "noise", (0.04, 0.04, 0.045), (0.28, 0.27, 0.26), 120, 0.2),
        "tile": made("tile", "tiles", (0.75, 0.74, 0.7), (0.66, 0.67, 0.66), 3.2, 0.15, mortar=(0.3, 0.29, 0.27)),
        "laminate": made("laminate", "noise", (0.55, 0.55, 0.53), (0.62, 0.62, 0.6), 40, 0.45),
        "plaster": made("plaster", "noise", (0.6, 0.56, 0.49), (0.7, 0.66, 0.6), 4, 0.9),
        "painted": made("painted", "noise", (0.2, 0.3, 0.33), (0.24, 0.34, 0.36), 3, 0.8),
        "brick": made("brick", "tiles", (0.36, 0.14, 0.09), (0.28, 0.11, 0.07), 4, 0.9, mortar=(0.5, 0.46, 0.42)),
        "shelf": material("shelf", (0.62, 0.62, 0.6), 0.4),
        "back": glowing("back", (0.11, 0.105, 0.1)),
        "strip": material("strip", (0.85, 0.8, 0.3), 0.3),
        "metal": material("metal", (0.75, 0.74, 0.72), 0.25, 1.0),
        "paper": material("paper", (0.9, 0.9, 0.88), 0.6),
        "orange": material("orange", (0.8, 0.27, 0.02), 0.45),
        "apple": material("apple", (0.45, 0.03, 0.03), 0.25),
        "board": made("board", "grain", (0.5, 0.3, 0.14), (0.62, 0.42, 0.23), 8, 0.5, (3, 0.4, 1)),
    }


# ---- packs


def mesh_object(name, points, faces, uvs, slots, materials, smooth):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, [], faces)
    layer = mesh.uv_layers.new()
    for polygon, corner_uvs, slot in zip(mesh.polygons, uvs, slots, strict=True):
        polygon.material_index = slot
        polygon.use_smooth = smooth
        for loop, uv in zip(polygon.loop_indices, corner_uvs, strict=True):
            layer.data[loop].uv = uv
    for made in materials:
        mesh.materials.append(made)
    mesh.use_auto_smooth = True
    mesh.auto_smooth_angle = math.radians(50)
    return bpy.data.objects.new(name, mesh)


def round_pack(name, outline, parts, turns=48):
    """Turns an outline about the upright axis; the label's centre looks to -Y."""
    points, faces, uvs, slots = [], [], [], []
    names = list(parts)
    tops = [z for _, z, part in outline if part == "label"]
    low = tops[0] if tops else 0
    high = next((outline[i + 1][1] for i, row in enumerate(outline) if row[2] == "label"), 1)
    for radius, z, _ in outline:
        for turn in range(turns):
            angle = math.tau * turn / turns
            points.append((radius * math.sin(angle), -radius * math.cos(angle), z))
    for ring in range(len(outline) - 1):
        for turn in range(turns):
            after = (turn + 1) % turns
            a, b = ring * turns, (ring + 1) * turns
            faces.append((a + turn, a + after, b + after, b + turn))
            # The picture holds the front twice and goes round one and a half times: three fronts, the first at -Y.
            u, v = 1.5 * turn / turns + 0.25, 1.5 * (turn + 1) / turns + 0.25
            z0, z1 = ((outline[k][1] - low) / (high - low) for k in (ring, ring + 1))
            uvs.append(((u, z0), (v, z0), (v, z1), (u, z1)))
            slots.append(names.index(outline[ring][2]))
    return mesh_object(name, points, faces, uvs, slots, list(parts.values()), True)


def box_pack(name, half, label, plain, gable=False):
    w, d, h = half
    points = [(x, y, z) for z in (0, h) for y in (-d, d) for x in (-w, w)]
    front, side = [(0, 0), (0.5, 0), (0.5, 1), (0, 1)], [(0.5, 0), (1, 0), (1, 1), (0.5, 1)]
    faces = [(0, 1, 5, 4), (3, 2, 6, 7), (1, 3, 7, 5), (2, 0, 4, 6), (0, 2, 3, 1)]
    uvs, slots = [front, front, side, side, side], [0, 0, 0, 0, 1]
    if gable:
        points += [(-w, 0, h + 0.036), (w, 0, h + 0.036), (-w, 0, h + 0.05), (w, 0, h + 0.05)]
        faces += [(4, 5, 9, 8), (7, 6, 8, 9), (5, 7, 9), (6, 4, 8), (8, 9, 11, 10)]
        uvs += [front, front, side[:3], side[:3], front]
        slots += [1, 1, 1, 1, 1]
    else:
        faces.append((4, 5, 7, 6))
        uvs.append([(0.02, 0.97), (0.04, 0.97), (0.04, 0.99), (0.02, 0.99)])
        slots.append(0)
    made = mesh_object(name, points, faces, uvs, slots, [label, plain], False)
    bevel = made.modifiers.new("bevel", "BEVEL")
    bevel.width, bevel.segments = 0.0022, 3
    return made


def pouch_pack(name, half, label, steps=22):
    """Two sheets sealed at the edges, filled below, flat at the top."""
    w, d, h = half
    points, faces, uvs, slots = [], [], [], []
    for face in (-1, 1):
        base = len(points)
        for row in range(steps + 1):
            v = row / steps
            for column in range(steps + 1):
                u = column / steps
                belly = (1 - (2 * u - 1) ** 2) ** 0.55 if 0 < u < 1 else 0
                rise = max(0.0, 1 - max(0, v - 0.2) / 0.72) ** 0.7 if v < 0.92 else 0
                narrow = 1 - 0.05 * math.sin(math.pi * min(1, v))
                points.append(((2 * u - 1) * w * narrow, face * (d * belly * rise + 0.0006), v * h))
        for row in range(steps):
            for column in range(steps):
                a = base + row * (steps + 1) + column
                quad = (a, a + 1, a + steps + 2, a + steps + 1)
                corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
                if face > 0:
                    quad, corners = quad[::-1], corners[::-1]
                faces.append(quad)
                flip = (lambda c: c) if face < 0 else (lambda c: steps - c)
                uvs.append([(flip(c) / steps / 2, r / steps) for c, r in corners])
                slots.append(0)
    return mesh_object(name, points, faces, uvs, slots, [label], True)


def hex_colour(text):
    return tuple((int(text[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5))


def build_packs(catalogue, labels, look):
    packs = {}
    for key, line in catalogue.items():
        kind, (ground, accent) = line["packaging"], map(hex_colour, line["colours"][:2])
        label = label_material(labels / f"{key}.png", kind == "pouch")
        plain, cap = material(key + "_plain", ground, 0.3), material(key + "_cap", accent, 0.35)
        if kind == "pouch":
            packs[key] = pouch_pack(key, BOXES[kind], label)
        elif kind in BOXES:
            packs[key] = box_pack(key, BOXES[kind], label, plain, kind == "gable")
        else:
            food = material(key + "_food", (0.4, 0.035, 0.012), 0.12)
            parts = {"label": label, "plain": plain, "cap": cap, "food": food, "metal": look["metal"]}
            packs[key] = round_pack(key, ROUNDS[kind], parts)
    return packs


# ---- one photo


class Stage:
    """Puts copies of packs, furniture, lights and the camera into the scene, and clears them after the photo."""

    def __init__(self, catalogue, labels):
        self.scene = bpy.context.scene
        self.look = surfaces()
        self.packs = build_packs(catalogue, labels, self.look)
        self.added = []

    def put(self, made, at=(0, 0, 0), turn=0.0):
        copy = made.copy()
        copy.location, copy.rotation_euler = at, (0, 0, turn)
        self.scene.collection.objects.link(copy)
        self.added.append(copy)
        return copy

    def slab(self, low, high, surface):
        centre = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        half = [(b - a) / 2 for a, b in zip(low, high, strict=True)]
        points = [(x, y, z) for z in (-half[2], half[2]) for y in (-half[1], half[1]) for x in (-half[0], half[0])]
        faces = [(0, 1, 5, 4), (3, 2, 6, 7), (1, 3, 7, 5), (2, 0, 4, 6), (0, 2, 3, 1), (4, 5, 7, 6)]
        self.put(mesh_object("slab", points, faces, [[(0, 0)] * 4] * 6, [0] * 6, [self.look[surface]], False), centre)

    def wall(self, y, surface):
        """Upright plane whose own x-y plane carries the pattern, so that tiles lie right."""
        points = [(-2, -0.5, 0), (2, -0.5, 0), (2, 1.6, 0), (-2, 1.6, 0)]
        plane = self.put(
            mesh_object("wall", points, [(0, 1, 2, 3)], [[(0, 0)] * 4], [0], [self.look[surface]], False), (0, y, 0)
        )
        plane.rotation_euler = (math.pi / 2, 0, 0)

    def light(self, at, size, watts, warmth, aim=(0, 0, 0.08)):
        lamp = bpy.data.lights.new("area", "AREA")
        lamp.shape, lamp.size, lamp.size_y = "RECTANGLE", size, size * 0.6
        lamp.energy, lamp.color = watts, (1, 1 - 0.3 * warmth, 1 - 0.62 * warmth)
        holder = bpy.data.objects.new("area", lamp)
        self.put(holder, at).rotation_euler = (Vector(aim) - Vector(at)).to_track_quat("-Z", "Y").to_euler()

    def clear(self):
        for made in self.added:
            bpy.data.objects.remove(made, do_unlink=True)
        self.added = []
        for block in (bpy.data.meshes, bpy.data.lights, bpy.data.cameras, bpy.data.objects):
            for made in [
                m
                for m in block
                if m.users == 0 and m.name.split(".")[0] in ("slab", "wall", "area", "camera", "ball", "cup")
            ]:
                block.remove(made)


def furnish(stage, spec, rng):
    if spec["setting"] == "shelf":
        stage.slab((-1.5, -0.09, -0.02), (1.5, 0.3, 0), "shelf")
        stage.slab((-1.5, -0.094, -0.036), (1.5, -0.09, 0.001), "strip")
        stage.slab((-1.5, -0.09, 0.30), (1.5, 0.3, 0.32), "shelf")
        stage.slab((-1.5, 0.3, -0.4), (1.5, 0.31, 0.7), "back")
        stage.slab((-1.5, -0.09, -0.3), (1.5, 0.3, -0.28), "shelf")
        for x in (-0.15, 0.02, 0.19):
            x += rng.uniform(-0.04, 0.04)
            stage.slab((x, -0.097, -0.032), (x + 0.05, -0.0945, -0.003), "paper")
        return
    stage.slab((-1.4, -0.9, -0.04), (1.4, 0.55, 0), spec["table"])
    stage.wall(0.55 if spec["setting"] == "counter" else 1.1, spec["wall"])
    if spec["setting"] == "table":
        stage.slab((-2, 0.55, -0.75), (2, 1.1, -0.7), "dark_wood")


def neighbours(stage, spec, rng):
    others = spec["neighbours"]
    if spec["setting"] == "shelf":
        half = BOXES.get(spec["packaging"], (0.05,))[0]
        for sign in (-1, 1):
            x, key = sign * (half + 0.012), others[0 if sign < 0 else 1]
            for _ in range(3):
                x += sign * (stage.packs[key].dimensions.x / 2 or 0.06)
                for back in (0, 0.1):
                    stage.put(stage.packs[key], (x, back + rng.uniform(-0.02, 0.015), 0), rng.uniform(-0.15, 0.15))
                x += sign * (stage.packs[key].dimensions.x / 2 + 0.008)
        stage.put(stage.packs[spec["product"]], (0, 0.11, 0), rng.uniform(-0.1, 0.1))
        for k in range(6):
            stage.put(stage.packs[others[2]], (-0.4 + 0.15 * k, 0.1, -0.28))
        return
    for key in others[: rng.choice([0, 1, 2, 3])]:
        side = rng.choice([-1, 1])
        stage.put(
            stage.packs[key], (side * rng.uniform(0.13, 0.34), rng.uniform(0.08, 0.38), 0), rng.uniform(-0.7, 0.7)
        )
    for _ in range(rng.choice([0, 1, 1, 2])):
        prop(stage, rng, (rng.choice([-1, 1]) * rng.uniform(0.15, 0.3), rng.uniform(-0.05, 0.3), 0))
    if spec["occluded"]:
        prop(stage, rng, (rng.choice([-1, 1]) * rng.uniform(0.04, 0.08), rng.uniform(-0.17, -0.12), 0))


def prop(stage, rng, at):
    kind = rng.choice(["mug", "bowl", "orange", "apple", "board"])
    if kind in ("mug", "bowl"):
        tone = rng.choice([(0.8, 0.78, 0.72), (0.12, 0.2, 0.3), (0.55, 0.2, 0.12), (0.2, 0.32, 0.24)])
        stage.put(round_pack("cup", ROUNDS[kind], {"plain": material("cup", tone, 0.25)}), at)
    elif kind == "board" and at[1] > 0.1:
        stage.slab((at[0] - 0.1, at[1], 0), (at[0] + 0.1, at[1] + 0.018, 0.28), "board")
    else:
        points = [(r, z, "plain") for r, z in ((0.036 * math.sin(t), 0.036 - 0.036 * math.cos(t))
                  for t in (math.pi * k / 14 for k in range(15)))]  # fmt: skip
        stage.put(round_pack("ball", points, {"plain": stage.look["apple" if kind == "apple" else "orange"]}), at)


def shoot(stage, spec, out):
    room, rng = random.Random(spec["room_seed"]), random.Random(spec["seed"])
    furnish(stage, spec, room)
    neighbours(stage, spec, rng)
    stage.put(stage.packs[spec["product"]], (0, 0, 0), rng.uniform(-0.55, 0.55))
    tall = stage.packs[spec["product"]].dimensions.z or 0.17
    warmth, side = room.uniform(0, 0.75), room.choice([-1, 1])
    watts = room.uniform(7, 15) * rng.uniform(0.75, 1.2)
    front = -0.75 if spec["setting"] == "shelf" else -0.35
    stage.light((side * room.uniform(0.35, 0.8), front, room.uniform(0.6, 1.0)), room.uniform(0.25, 0.8), watts, warmth)
    stage.light((-side * 0.9, -0.6, 0.5), 0.8, watts * 0.22, 0.3 * warmth)
    background = stage.scene.world.node_tree.nodes["Background"]
    background.inputs[0].default_value = (0.9, 0.95, 1.0, 1)
    background.inputs[1].default_value = room.uniform(0.35, 0.6)
    aim_camera(stage, tall, rng, spec["setting"] == "shelf")
    stage.scene.cycles.seed = spec["seed"] % 100_000
    stage.scene.view_settings.exposure = rng.uniform(0.0, 0.6)
    stage.scene.render.filepath = str(out)
    bpy.ops.render.render(write_still=True)
    stage.clear()


def aim_camera(stage, tall, rng, level):
    lens = bpy.data.cameras.new("camera")
    lens.lens, lens.sensor_width, lens.clip_start = rng.uniform(40, 60), 36, 0.01
    angle, rise = rng.uniform(-0.6, 0.6) * (0.6 if level else 1), rng.uniform(0.02, 0.2 if level else 0.6)
    aim = Vector((rng.uniform(-0.025, 0.025), 0, tall * rng.uniform(0.42, 0.56)))
    reach = tall * rng.uniform(1.2, 1.75) * lens.lens / 36 + 0.06
    toward = Vector((math.sin(angle) * math.cos(rise), -math.cos(angle) * math.cos(rise), math.sin(rise)))
    camera = stage.put(bpy.data.objects.new("camera", lens))
    camera.location = aim + toward * reach
    camera.rotation_euler = (-toward).to_track_quat("-Z", "Y").to_euler()
    camera.rotation_euler.rotate_axis("Z", rng.uniform(-0.07, 0.07))
    lens.dof.use_dof, lens.dof.focus_distance, lens.dof.aperture_fstop = True, reach - 0.04, rng.uniform(2.2, 5.6)
    stage.scene.camera = camera


def set_up():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("world")
    scene.world.use_nodes = True
    render, cycles = scene.render, scene.cycles
    render.engine, render.resolution_x, render.resolution_y = "CYCLES", PIXELS, PIXELS
    render.image_settings.file_format, render.image_settings.quality = "JPEG", 95
    render.use_persistent_data = True
    cycles.device, cycles.samples, cycles.use_denoising, cycles.use_adaptive_sampling = "CPU", SAMPLES, False, True
    cycles.adaptive_threshold, cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 0.05, 2, 1, 1
    cycles.sample_clamp_direct, cycles.sample_clamp_indirect, cycles.blur_glossy = 4, 1.5, 1.0
    render.filter_size = 1.8  # a wider pixel filter hides the grain of few samples
    cycles.caustics_reflective = cycles.caustics_refractive = False
    scene.view_settings.view_transform, scene.view_settings.look = "Filmic", "Medium High Contrast"


def main():
    specs_path, labels, out, *rest = sys.argv[sys.argv.index("--") + 1 :]
    job = json.loads(Path(specs_path).read_text(encoding="utf-8"))
    set_up()
    stage = Stage(job["catalogue"], Path(labels))
    for spec in reversed(job["photos"]) if "from_end" in rest else job["photos"]:
        target = Path(out) / spec["file"]
        if not target.exists():
            shoot(stage, spec, target)


main()
