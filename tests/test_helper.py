"""The process that decodes what strangers send: it may crash, hang or fill its memory, and the next file works."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest

from retail.media import MediaError, apart, decode_audio, decode_image, seconds_unread
from retail.media.pictures import decode_picture
from retail.outside import helper as helpers
from retail.outside.helper import Died, Helper
from tests.test_media import picture, sound, tone

CRASH = "tests.a_crash"


@pytest.fixture
def breaking():
    """A helper that does as it is told, with 2 s for a question."""
    with Helper(CRASH, 2.0, 2**31) as helper:
        yield helper


def test_what_breaks_the_process_is_one_error_and_the_next_question_is_answered(breaking):
    pids = []
    for told in ("crash", "fill" if sys.platform.startswith("linux") else "crash"):
        pids.append(breaking.ask({"do": "answer"})[0]["process"])
        with pytest.raises(Died, match="crashed"):
            breaking.ask({"do": told})
    assert breaking.ask({"do": "answer"}, b"x" * 2**20)[1] == b"x" * 2**20
    assert len({*pids, os.getpid()}) == 3 and not any(map(psutil.pid_exists, pids))


def test_a_process_that_does_not_come_back_is_ended(breaking):
    with pytest.raises(Died, match="stopped after 2 s") as death:
        breaking.ask({"do": "hang"})
    assert death.value.seconds == 2 and breaking.ask({"do": "answer"})[0]


def test_a_process_that_died_between_two_questions_is_no_fault_of_the_second(breaking):
    first = breaking.ask({"do": "answer"})[0]["process"]
    psutil.Process(first).kill()
    assert breaking.ask({"do": "answer"})[0]["process"] != first


def test_a_process_ends_with_its_parent_and_after_a_question_that_took_much_memory(breaking, monkeypatch):
    process = psutil.Process(breaking.ask({"do": "answer"})[0]["process"])
    breaking._process.stdin.close()  # what the system does when the parent dies
    assert process.wait(20) is not None
    if sys.platform.startswith("linux"):
        with Helper(CRASH, 20.0, 2**33) as roomy:
            held = roomy.ask({"do": "answer"}, bytes((helpers.TIRED_MIB + 1) * 2**20))[0]["process"]
            assert roomy.ask({"do": "answer"})[0]["process"] != held


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (b"crash", "The upload is damaged so that its decoder breaks; save it again, or give another photo."),
        (b"hang", "The upload takes over 2 s to decode; save it again, or give another photo."),
    ],
)
def test_a_photo_that_breaks_the_decoder_gets_one_sentence_and_the_next_decodes(monkeypatch, told, sentence):
    monkeypatch.setattr(apart, "DECODE_SECONDS", 2.0)
    monkeypatch.setattr(apart, "DECODER", CRASH)
    with pytest.raises(MediaError) as refusal:
        decode_image(told + b" photo")
    assert str(refusal.value) == sentence
    monkeypatch.undo()
    assert decode_image(picture()).size == (64, 48)


def test_where_no_process_can_be_started_the_sentence_says_so(monkeypatch):
    def refused(*_):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(helpers, "start_piped", refused)
    monkeypatch.setattr(apart, "DECODE_SECONDS", 3.0)  # else one that was started before answers
    with pytest.raises(MediaError, match=r"^The upload cannot be decoded now, .*unavailable\); close other programs"):
        decode_image(picture())


def test_what_strangers_send_is_decoded_apart_and_ones_own_files_here_with_equal_results(tmp_path, monkeypatch):
    asked = []
    real = apart._asked
    monkeypatch.setattr(apart, "_asked", lambda name, *a, **facts: asked.append(name) or real(name, *a, **facts))
    rng = np.random.default_rng(0)
    photo, clip = picture(size=(90, 60), color=(200, 30, 40)), sound(rng.uniform(-1, 1, 44100).astype("f4"), 44100)
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "unpacked").mkdir(parents=True)
    for folder in ("own", "home/unpacked"):
        (tmp_path / folder / "a.png").write_bytes(photo)
        (tmp_path / folder / "a.wav").write_bytes(clip)
    own, theirs = tmp_path / "own", tmp_path / "home" / "unpacked"
    here = decode_image(own / "a.png"), decode_audio(own / "a.wav")
    assert not asked
    for source in (theirs / "a.png", photo):
        assert decode_image(source).tobytes() == here[0].tobytes() == decode_picture("x", photo).tobytes()
    assert np.array_equal(decode_audio(theirs / "a.wav"), here[1]) and np.array_equal(decode_audio(clip), here[1])
    assert asked == ["'a.png'", "The upload", "'a.wav'", "The upload"]
    assert seconds_unread(sound(tone(61), file_format="FLAC")) == pytest.approx(1, abs=0.01)


def test_several_threads_ask_at_once():
    photos = [picture(size=(40 + n, 30), color=(n, 0, 0)) for n in range(24)]
    with ThreadPoolExecutor(6) as pool:
        assert [decoded.size[0] for decoded in pool.map(decode_image, photos)] == [40 + n for n in range(24)]


def test_the_process_imports_no_torch():
    code = "import sys, retail.media.decoder, retail.outside.helper; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
