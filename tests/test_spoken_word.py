"""The recipe of the spoken-word encoder, at a size that takes seconds."""

from __future__ import annotations

import ctypes.util
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import person
from recipes.spoken_word import clips as clips_module
from recipes.spoken_word import scores, voices
from recipes.spoken_word.clips import Clips, Part, synthesise
from recipes.spoken_word.objectives import SoundedPrototypes, TrainingConfig
from recipes.spoken_word.scores import area_under_roc, heard, nearest
from recipes.spoken_word.train import Batches, _learning_rate, moving_average, train
from recipes.spoken_word.voices import VALIDATION_VARIANTS, VARIANTS, Voice, speak
from recipes.spoken_word.words import Spoken, held_out_words, training_words
from retail.augmentation.noise import without_voice
from retail.augmentation.speech import Augment, bent, smoothing
from retail.encoders.spoken_word import SpokenWordNet, load, save
from retail.schema import UserError

needs_synthesizers = pytest.mark.skipif(
    not os.environ.get("CI") and (ctypes.util.find_library("espeak-ng") is None or shutil.which("festival") is None),
    reason=f"needs the packages {voices.PACKAGES}",
)

WORDS = [Spoken(text, text) for text in ("ba", "di", "gu", "mo")]
TINY = TrainingConfig(steps=4, words=4, non_speech=2, processes=2, warmup=1, checkpoint_every=2)


@pytest.fixture(autouse=True)
def small_bank(monkeypatch):
    """Drawing sounds for a bank of hundreds takes longer than these tests."""
    monkeypatch.setattr("retail.augmentation.speech.BANK", 4)


def tones() -> Clips:
    """Four 'words', each a chord of its own, said three times by two 'voices'."""
    time = np.arange(8_000) / 16_000
    said, label, source = [], [], []
    for word in range(4):
        for take in range(6):
            pitch = 220 * (1 + word) * (1 + 0.01 * take)
            said.append((9_000 * np.sin(2 * np.pi * pitch * time)).astype(np.int16))
            label.append(word)
            source.append(take % 2)
    start = np.cumsum([0, *map(len, said)])
    return Clips(np.concatenate(said), start, np.array(label), np.array(source), ["espeak", "rms"])


def small_net() -> SpokenWordNet:
    torch.manual_seed(1)
    return SpokenWordNet(channels=16, blocks=2, heads=2)


def test_a_step_gives_the_same_batch_again_and_another_step_another():
    batches = Batches(tones(), TINY)
    features, labels = batches[1]
    half = labels.tolist()[:2]
    again, _ = batches[1]
    assert torch.equal(features, again) and features.isfinite().all()
    assert features.shape[:2] == (2 * 2 + 1, 64) and features.shape[2] >= 16
    assert sorted(labels.tolist()) == sorted([*half, *half])
    _, rest = Batches(tones(), TINY, rank=1)[1]
    assert sorted({*labels.tolist(), *rest.tolist()}) == [0, 1, 2, 3] and len(rest) == 4
    other, _ = batches[2]
    assert other.shape != features.shape or not torch.equal(other, features)


def test_augmented_clips_vary_but_stay_in_range():
    augment = Augment(torch.Generator().manual_seed(0))
    features = augment([tones().clip(0)] * 6, non_speech=3)
    assert features.shape[:2] == (9, 64) and features.min() >= -1 and features.max() < 6
    assert (features[0] - features[1]).abs().mean() > 0.05
    assert Augment(torch.Generator())([tones().clip(0)]).shape[0] == 1


def test_noise_is_louder_in_the_harder_part_of_the_training():
    power = torch.zeros(400, 64, 60)
    power[:, 20:30, 15:45] = 1.0
    loud = []  # the share of clips with noise of more than a tenth of their power
    for harder in (False, True):
        added = Augment(torch.Generator().manual_seed(1), harder=harder).noise(power, babble=1) - power
        loud.append((added.sum((1, 2)) > 0.1 * power[0].sum()).float().mean())
    assert loud[1] > 1.4 * loud[0]


def test_half_of_the_recordings_are_cut_to_the_word_or_into_it():
    place = torch.linspace(-1, 2, 301).expand(400, -1)  # each word fills the middle third, a second long
    recorded = Augment(torch.Generator().manual_seed(0))._recorded(place, torch.full((400,), 100.0))
    cut = recorded[~recorded.all(1)].float()
    assert 0.4 < len(cut) / 400 < 0.6
    begin, end = place[0][cut.argmax(1)], place[0][300 - cut.flip(1).argmax(1)]
    assert -0.13 < begin.min() < -0.1 and 0.02 < begin.max() < 0.05
    assert 0.95 < end.min() < 0.98 and 1.1 < end.max() < 1.13


def test_beyond_a_cut_there_is_silence_and_no_noise():
    features = Augment(torch.Generator().manual_seed(0), spare_seconds=2.0, harder=True)([tones().clip(0)] * 50, 20)
    silent = (features == -1).all(1).float().mean(1)  # the share of each clip
    assert 0.3 < (silent[:50] > 0.4).float().mean() < 0.8 and 0.3 < (silent[50:] > 0.4).float().mean() < 0.8


def test_the_rate_warms_up_and_falls_to_nearly_nothing():
    config = TrainingConfig(steps=200, warmup=10, learning_rate=1.0)
    rates = [_learning_rate(step, config) for step in range(200)]
    assert rates[0] == 0.1 and max(rates) == rates[10] > 1 and rates[105] == pytest.approx(0.501, abs=1e-3)
    assert rates[10:] == sorted(rates[10:], reverse=True) and 0 < rates[199] < 0.002


def test_mouth_and_pitch_come_apart():
    bins = torch.arange(257)
    mouth = torch.cos(torch.pi * bins / 256 * 12)  # a ripple of 12 samples' quefrency is formants
    pitch = torch.cos(torch.pi * bins / 256 * 100)  # one of 100 samples is a voice of 160 Hz
    torch.testing.assert_close(smoothing() @ (mouth + pitch), mouth, atol=1e-4, rtol=0)


def test_a_spectrum_is_read_octaves_lower_and_at_other_times():
    spectrum = torch.zeros(1, 257, 5)
    spectrum[0, 40, 3] = 1.0
    times = torch.linspace(1, -1, 5)[None]  # backwards
    moved = bent(spectrum, torch.full((1, 1, 1), 1.0), times)
    assert moved[0].argmax() == 80 * 5 + 1
    torch.testing.assert_close(bent(spectrum, torch.zeros(1, 1, 1), -times), spectrum, atol=1e-4, rtol=0)


def test_one_long_clip_is_hurried_rather_than_all_others_waiting():
    clip = tones().clip(0)  # half a second
    augment = Augment(torch.Generator().manual_seed(0))
    features = augment([clip] * 9 + [np.tile(clip, 6)])
    assert features.shape[2] < 100
    assert (features[9].amax(0) > -0.5).float().mean() > 0.5  # it is still heard, over most of its time


def test_a_word_teaches_those_that_share_its_sounds():
    prototypes = SoundedPrototypes([Spoken(text, text) for text in ("pat", "bat", "dim", "tap")])
    before = prototypes().detach()
    near = torch.nn.functional.cosine_similarity(before[:1], before[1:])
    assert near[0] > near[1] and near[0] > near[2]  # the same sounds in another order lie further away
    prototypes()[0].sum().backward()
    with torch.no_grad():
        prototypes.sounds -= prototypes.sounds.grad
    moved = (prototypes() - before).norm(dim=1)
    assert moved[0] > moved[1] > 0 and moved[2] == 0


def test_sounds_without_voice_are_finite_and_differ():
    sounds = without_voice(torch.Generator().manual_seed(0), 30, 8_000)
    assert sounds.shape == (30, 8_000) and sounds.isfinite().all() and sounds.std(1).min() > 0


def test_training_learns_and_a_resumed_run_equals_an_unbroken_one(tmp_path):
    lines: list[str] = []
    unbroken = train(tones(), WORDS, TINY, tmp_path / "a.pt", small_net(), say=lines.append)
    assert len(lines) == 2 and lines[-1].startswith("step 4 of 4")

    class Stopped(Exception):
        pass

    def stop(line: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        train(tones(), WORDS, TINY, tmp_path / "b.pt", small_net(), say=stop)
    assert torch.load(tmp_path / "b.pt", weights_only=True)["step"] == 2
    resumed = train(tones(), WORDS, TINY, tmp_path / "b.pt", small_net(), say=lines.append)
    for name, value in unbroken.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, msg=name)

    with pytest.raises(UserError, match="made with other settings"):
        train(tones(), WORDS, replace(TINY, seed=1), tmp_path / "b.pt", small_net(), say=lines.append)


@pytest.mark.parametrize("decay", [0.998, 0.2])
def test_the_average_follows_closely_at_first_and_counts_are_taken_over(decay):
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    average = moving_average(net, decay)
    expected = {name: value.clone() for name, value in net.state_dict().items()}
    for step in range(6):
        net(torch.randn(8, 3))  # moves the statistics
        with torch.no_grad():
            for weight in net.parameters():
                weight.add_(torch.randn_like(weight))
        average.update_parameters(net)
        kept = min(decay, step / (step + 10))
        for name, value in net.state_dict().items():
            floats = value.is_floating_point()
            expected[name] = torch.lerp(expected[name], value, 1 - kept) if floats else value.clone()
            assert torch.equal(average.module.state_dict()[name], expected[name]), (step, name)


def test_the_objectives_separate_words_within_a_minute(tmp_path):
    clips = tones()
    config = replace(TINY, steps=60, learning_rate=5e-3, checkpoint_every=60, average=0.8, phonemes=0.1, contrast=0.1)
    net = train(clips, WORDS, config, tmp_path / "c.pt", small_net(), say=lambda _: None)
    embeddings, _ = heard(net, [clips.clip(place) for place in range(len(clips))])
    labels = torch.from_numpy(clips.label)
    first = torch.tensor([int((labels == word).nonzero()[0]) for word in range(4)])
    right = nearest(embeddings[first], torch.arange(4), embeddings) == labels
    assert right.float().mean() > 0.7


def test_weights_come_back_as_saved_and_other_files_are_refused(tmp_path):
    net = SpokenWordNet().eval()
    save(net, {"speech_threshold": -0.5}, tmp_path / "encoder.safetensors")
    assert (tmp_path / "encoder.safetensors").stat().st_size < 10e6
    assert sum(parameter.numel() for parameter in net.parameters()) < 4e6
    loaded, settings = load(tmp_path / "encoder.safetensors")
    assert settings["speech_threshold"] == -0.5 and not loaded.training
    clip = tones().clip(0)
    torch.testing.assert_close(heard(loaded, [clip])[0], heard(net, [clip])[0], atol=5e-3, rtol=0)
    (tmp_path / "other.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match="is not a usable spoken-word encoder"):
        load(tmp_path / "other.safetensors")


def test_people_are_enrolled_in_turn_and_asked_without_and_with_noise(monkeypatch):
    monkeypatch.setattr(scores, "VALIDATION_WORDS", 4)

    def of_the_word(net: SpokenWordNet, clips: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        """A sound's place in the spectrum is its word; a second tone, of the noise, hides it."""
        spectra = np.stack([np.abs(np.fft.rfft(clip, 8_000)) for clip in clips])
        words = (spectra.argmax(1) * 2 / 220 + 0.5).astype(int).clip(1, 4) - 1
        return torch.eye(4)[words], torch.ones(len(clips))

    monkeypatch.setattr(scores, "heard", of_the_word)
    monkeypatch.setattr(scores, "with_synthetic_noise", lambda clip, ratio_db, generator: torch.zeros_like(clip))
    clips = tones()
    one_each = [int(np.flatnonzero((clips.label == w) & (clips.source == s))[0]) for s in (0, 1) for w in range(4)]
    start = np.cumsum([0, *(len(clips.clip(place)) for place in one_each)])
    people = Clips(
        np.concatenate([clips.clip(place) for place in one_each]),
        start,
        clips.label[one_each],
        clips.source[one_each],
        ["lyubov", "evgeniy"],
    )
    found = scores._people(small_net(), people)
    assert found == {"unseen people": 1.0, "unseen people, noise": 0.25}  # silence is always the first word


@pytest.mark.parametrize("ratio_db", [0.0, 20.0])
def test_synthetic_noise_lies_that_far_under_the_clip(ratio_db):
    clip = torch.sin(torch.arange(16_000) / 10)
    noise = scores.with_synthetic_noise(clip, ratio_db, torch.Generator().manual_seed(0)) - clip
    ratio = 10 * torch.log10(clip.square().mean() / noise.square().mean())
    assert float(ratio) == pytest.approx(ratio_db, abs=0.01)


def test_area_under_roc_counts_ties_half():
    assert area_under_roc(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 0.0])) == 1
    assert area_under_roc(torch.tensor([1.0]), torch.tensor([1.0, 0.0])) == 0.75


def test_validation_and_test_voices_are_never_trained_on():
    assert not set(VARIANTS) & set(VALIDATION_VARIANTS)
    trained = {(part.engine, part.voice) for part in clips_module.parts()}
    assert not trained & set(voices.TEST_VOICES)


def test_a_missing_synthesizer_is_named_with_its_packages(monkeypatch):
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(UserError, match="install the packages espeak-ng flite"):
        voices._library("absent", "libabsent.so.1")


@needs_synthesizers
def test_words_that_sound_alike_are_one_class_and_held_out_words_stay_out():
    trained = training_words()
    sounds = {word.sounds for word in trained}
    assert len(sounds) == len(trained) > 8_000
    texts = {word.text for word in trained}
    assert "to" in texts and not texts & {"two", "too"}
    for kind in ("validation", "test"):
        held = held_out_words(kind)
        assert len(held) >= 200 and not sounds & {word.sounds for word in held}


@needs_synthesizers
@pytest.mark.parametrize(
    "voice",
    [
        Voice("espeak", "gmw/en-GB-scotland+f2"),
        Voice("flite", "rms"),
        Voice("flite", "kal16", speed=0.8),
        Voice("festival", "ked"),
    ],
)
def test_every_engine_speaks_and_slower_is_longer(voice):
    normal, slow = speak([("chocolate", voice), ("chocolate", replace(voice, speed=voice.speed / 2))])
    assert normal.dtype == np.int16 and np.abs(normal).max() > 1_000
    assert 4_000 < len(normal) < len(slow) < 40_000


@needs_synthesizers
def test_what_is_on_disk_is_not_spoken_again_and_a_crash_ends_in_a_sentence(tmp_path, monkeypatch):
    words, part = [Spoken("apple", "a"), Spoken("pear", "p")], Part("espeak-00", "espeak")
    first = synthesise(tmp_path, words, [part], say=lambda _: None)
    assert len(first) == 2 and first.label.tolist() == [0, 1] and len(first.clip(1)) > 2_000
    monkeypatch.setattr(clips_module, "_speak_part", crash)
    again = synthesise(tmp_path, words, [part], say=lambda _: None)
    assert np.array_equal(first.samples, again.samples)
    monkeypatch.setattr(clips_module, "ATTEMPTS", 2)  # each is a process that has to load what it needs
    with pytest.raises(UserError, match="failed 2 times"):
        synthesise(tmp_path, words, [Part("espeak-01", "espeak")], say=lambda _: None)


def crash(*_: object) -> None:
    os.abort()


@needs_synthesizers
def test_a_part_that_was_spoken_is_not_drawn_anew_when_its_exit_code_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(clips_module, "_speak_part", spoken_then_lost)
    clips = synthesise(tmp_path, [Spoken("apple", "a")], [Part("espeak-00", "espeak")], say=lambda _: None)
    assert clips.samples.tolist() == [0, 0]  # the first attempt's


def spoken_then_lost(
    file: Path, words: list[Spoken], first: int, part: Part, variants: list[str], attempt: int
) -> None:
    np.savez(file, samples=np.full(2, attempt, np.int16), lengths=np.array([2]), label=np.array([0]))
    os._exit(255)


def test_every_prompt_of_the_person_says_another_word():
    said = person.prompts()
    assert len(said) == len(set(said.values())) == 149
    assert list(said)[:21] == person.NUMBERS and said["twelfth"] == "digits/h-12" and said["ninety"] == "digits/90"


def test_the_person_is_cut_to_what_is_loud_and_loses_the_upper_half_by_telephone():
    tone = torch.sin(torch.arange(8_000) / 5)
    tight = person.cut_tightly(torch.cat([torch.zeros(4_000), tone, torch.zeros(4_000)]))
    assert len(tight) == pytest.approx(8_000, abs=6 * 160) and tight[:800].std() > 0.3
    high = torch.sin(torch.arange(8_000) * 2 * torch.pi * 6_000 / 16_000)
    assert person.by_telephone(tone).std() > 0.9 * tone.std() and person.by_telephone(high).std() < 0.1 * high.std()
