"""Renders the photos of the examples inside Blender 3.4 (Cycles on the CPU, no denoiser): fruit on a table.

In: `blender -b --python recipes/groceries/scene.py -- KIND OUT.png`, a kind of `KINDS`. Out: the picture.
"""

from __future__ import annotations

import math
import random
import sys

import bpy
from mathutils import Vector

PIXELS, SAMPLES, SEED = 320, 40, 1
KINDS = {"banana": 4, "granny_smith": 8, "carrots": 9}  # how many lie there
# Darker and lighter colour, scale of the spots, where one passes into the other, roughness, scale and depth of dents.
SKINS = {
    "banana": ((0.25, 0.13, 0.03), (0.88, 0.62, 0.06), 9, (0.28, 0.36), 0.5, 20, 0.03),
    "granny_smith": ((0.25, 0.45, 0.03), (0.36, 0.58, 0.06), 4, (0.4, 0.6), 0.25, 8, 0.05),
    "carrots": ((0.8, 0.17, 0.01), (0.92, 0.28, 0.02), 6, (0.4, 0.6), 0.42, 12, 0.5),
}
TABLE = ((0.28, 0.16, 0.08), (0.42, 0.26, 0.14), 2.5, (0.4, 0.6), 0.5, 20, 0.02)
POINTS = 32  # along a banana or a carrot


def material(name, dark, light, scale, passing, rough, dents, depth):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    tree = made.node_tree
    shader = tree.nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = rough
    place, spots, ramp = (tree.nodes.new(f"ShaderNode{kind}") for kind in ("TexCoord", "TexNoise", "ValToRGB"))
    spots.inputs["Scale"].default_value = scale
    for end, colour, position in zip(ramp.color_ramp.elements, (dark, light), passing, strict=True):
        end.color, end.position = (*colour, 1), position
    tree.links.new(place.outputs["Object"], spots.inputs["Vector"])
    tree.links.new(spots.outputs["Fac"], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], shader.inputs["Base Color"])
    noise, bump = (tree.nodes.new(f"ShaderNode{kind}") for kind in ("TexNoise", "Bump"))
    noise.inputs["Scale"].default_value = dents
    bump.inputs["Strength"].default_value = depth
    bump.inputs["Distance"].default_value = 0.01
    tree.links.new(place.outputs["Object"], noise.inputs["Vector"])
    tree.links.new(noise.outputs["Fac"], bump.inputs["Height"])
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    return made


def apple():
    """A sphere that is wider above, with a dip at both ends, and a stem."""
    bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=32, radius=0.5)
    made = bpy.context.object
    for vertex in made.data.vertices:
        x, y, z = vertex.co
        height = z / 0.5
        dip = 0.16 * math.exp(-((math.hypot(x, y) / 0.13) ** 2))
        width = 1 + 0.08 * height - 0.05 * height**2
        vertex.co = (x * width, y * width, z * 0.92 - (dip if height > 0 else -0.6 * dip))
    bpy.ops.object.shade_smooth()
    bpy.ops.mesh.primitive_cylinder_add(radius=0.025, depth=0.3, location=(0.02, 0, 0.42))
    stem = bpy.context.object
    stem.data.materials.append(material("stem", (0.1, 0.06, 0.02), (0.14, 0.08, 0.03), 5, (0.4, 0.6), 0.6, 9, 0.1))
    stem.parent = made
    return made


def banana(along):
    """(place, thickness) at a share of its length."""
    angle = math.radians(-65 + 130 * along)
    thick = min(1, 0.35 + (min(along, 1 - along) / 0.18) ** 0.7 * 0.65)
    thick = 0.32 if along > 0.93 else 0.3 if along < 0.03 else thick
    return (1.05 * math.sin(angle), 0, 1.05 * (1 - math.cos(angle))), thick


def carrot(along):
    """(place, thickness) at a share of its length."""
    thick = max(0.12, 0.95 * (1 - along) ** 0.55) if along > 0.04 else 0.7
    return (2 * (along - 0.5), 0, 0.02 * math.sin(9 * along)), thick


def rod(outline, thickness):
    curve = bpy.data.curves.new("rod", "CURVE")
    curve.dimensions, curve.bevel_depth, curve.bevel_resolution = "3D", thickness, 8
    line = curve.splines.new("POLY")
    line.points.add(POINTS - 1)
    for place, point in enumerate(line.points):
        where, thick = outline(place / (POINTS - 1))
        point.co, point.radius = (*where, 1), thick
    made = bpy.data.objects.new("rod", curve)
    bpy.context.scene.collection.objects.link(made)
    bpy.context.view_layer.objects.active = made
    made.select_set(True)
    bpy.ops.object.convert(target="MESH")
    bpy.ops.object.shade_smooth()
    return bpy.context.object


def lay_out(kind, things, rng):
    """A bunch of bananas, a layer of carrots, a heap of apples."""
    if kind == "banana":
        for place, thing in enumerate(things):
            side = place - (len(things) - 1) / 2
            thing.location = (0, side * 0.29, 0.16 + 0.05 * rng.random())
            thing.rotation_euler = (math.radians(-10 * side), 0, math.radians(7.8 * side))
    elif kind == "carrots":
        for place, thing in enumerate(things):
            layer, row = divmod(place, 5)
            across = (row - 2) * 0.42 + 0.2 * layer + rng.uniform(-0.05, 0.05)
            thing.location = (rng.uniform(-0.15, 0.15), across, 0.2 + 0.33 * layer)
            turned = math.pi if rng.random() < 0.3 else 0
            thing.rotation_euler = (rng.uniform(0, 6), 0, rng.uniform(-0.15, 0.15) + turned)
    else:
        taken = []
        for place, thing in enumerate(things):
            height = 0.45 if place < 0.6 * len(things) else 1.17
            for _ in range(400):
                where = Vector((rng.uniform(-1.3, 1.3), rng.uniform(-1.1, 1.3), height))
                if all((where - other).length > 0.93 for other in taken):
                    break
            taken.append(where)
            thing.location = where
            thing.rotation_euler = (rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), rng.uniform(0, 6))


def copies(first, count):
    scene, found = bpy.context.scene, [first]
    for _ in range(count - 1):
        thing = first.copy()
        scene.collection.objects.link(thing)
        for part in first.children:
            other = part.copy()
            other.parent = thing
            scene.collection.objects.link(other)
        found.append(thing)
    return found


def lamp(where, size, watts, colour):
    light = bpy.data.lights.new("lamp", "AREA")
    light.size, light.energy, light.color = size, watts, colour
    made = bpy.data.objects.new("lamp", light)
    made.location = where
    made.rotation_euler = (-Vector(where)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(made)


def room():
    bpy.ops.mesh.primitive_plane_add(size=30)
    bpy.context.object.data.materials.append(material("table", *TABLE))
    world = bpy.data.worlds.new("room")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.9, 0.93, 1, 1)
    world.node_tree.nodes["Background"].inputs[1].default_value = 0.55
    bpy.context.scene.world = world
    lamp((2.5, -2, 4.5), 1.5, 260, (1, 0.95, 0.88))
    lamp((-3, -1, 3), 2, 90, (0.9, 0.95, 1))


def camera(distance):
    lens = bpy.data.cameras.new("camera")
    made = bpy.data.objects.new("camera", lens)
    made.location = Vector((0.5, -0.75 * distance, 0.72 * distance))
    made.rotation_euler = (Vector((0, 0.05, 0.35)) - made.location).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(made)
    bpy.context.scene.camera = made


def main(kind, out):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene, rng = bpy.context.scene, random.Random(SEED)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", SAMPLES, False
    scene.cycles.max_bounces = 4
    scene.render.resolution_x = scene.render.resolution_y = PIXELS
    scene.view_settings.view_transform = "Standard"
    first = {"banana": lambda: rod(banana, 0.17), "carrots": lambda: rod(carrot, 0.2), "granny_smith": apple}[kind]()
    first.data.materials.append(material(kind, *SKINS[kind]))
    lay_out(kind, copies(first, KINDS[kind]), rng)
    room()
    camera({"banana": 4.3, "carrots": 4.6, "granny_smith": 5.0}[kind])
    scene.render.image_settings.file_format, scene.render.filepath = "PNG", out
    bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main(*sys.argv[-2:])
