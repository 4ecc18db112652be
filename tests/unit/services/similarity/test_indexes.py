"""Which indexes there are, when several Tritons tell of them and some do not answer."""

import asyncio

import pytest
from structlog.testing import capture_logs

from services.common.rpc import deadline
from services.common.rpc.errors import NotFound, Unavailable
from services.similarity import indexes as indexes_module
from services.similarity.indexes import NO_INDEX, Catalogue, combine
from services.similarity.settings import SimilaritySettings
from tests.unit.services.similarity.tritons import FakeTriton, description

AWAY = Unavailable("away")


def catalogue(**tritons: FakeTriton) -> Catalogue:
    return Catalogue(tritons, "faces")


def test_shards_are_found_where_they_are_served():
    one, other = description(shards=(True, False, True)), description(shards=(False, True, True))
    indexes, troubles = combine(
        [{"indexes": [one], "refused": {}}, None, {"indexes": [other], "refused": {}}]
    )
    assert not troubles
    assert [shard.tritons for shard in indexes["faces"].shards] == [(0,), (2,), (0, 2)]
    assert indexes["faces"].tritons == (0, 2)
    assert indexes["faces"].shape == (2, 2, 1)


def test_two_states_of_an_index_are_never_mixed():
    manifests = [
        {"indexes": [description(digest=digest), description("other")], "refused": {}}
        for digest in ("d1", "d2")
    ]
    indexes, troubles = combine(manifests)
    assert indexes.keys() == {"other"}
    assert "different states" in troubles["faces"]


async def test_a_damaged_index_is_unavailable_and_its_paths_are_for_the_log():
    triton = FakeTriton(description("good"), refused={"faces": "/secret/tiles.npy has 3 bytes"})
    known = catalogue(a=triton)
    with capture_logs() as logs:
        await known.refresh()
        with pytest.raises(Unavailable, match="'faces' is damaged") as refused:
            await known.find("")
        await known.refresh()
    assert "/secret" not in str(refused.value)
    assert [line["reason"] for line in logs] == ["/secret/tiles.npy has 3 bytes"]


async def test_without_any_index_the_remedy_is_told():
    empty = catalogue(a=FakeTriton())
    assert await empty.all() == []
    with pytest.raises(NotFound) as refused:
        await empty.find("")
    assert str(refused.value) == NO_INDEX


async def test_where_there_is_one_index_requests_that_name_none_mean_it():
    triton = FakeTriton(description("mine"))
    known = catalogue(a=triton)
    assert (await known.find("")).name == known.default_index == "mine"
    triton.manifest["indexes"].append(description("other"))
    await known.refresh()
    with pytest.raises(NotFound, match="no index 'faces'; there are: mine, other"):
        await known.find("")


async def test_the_only_index_is_still_meant_while_it_is_damaged_or_replaced_or_away():
    damaged = FakeTriton(refused={"mine": "cut short"})
    with pytest.raises(Unavailable, match="'mine' is damaged"):
        await catalogue(a=damaged).find("")
    one, other = FakeTriton(description("mine")), FakeTriton(description("mine", digest="other"))
    with pytest.raises(Unavailable, match="'mine'"):
        await catalogue(a=one, b=other).find("")
    gone = FakeTriton(description("mine"))
    known = catalogue(a=gone)
    await known.refresh()
    gone.manifest["indexes"].clear()
    await known.refresh()
    with pytest.raises(Unavailable, match="'mine' is not being served"):
        await known.find("")


async def test_no_other_index_answers_for_the_default_one_that_is_away_or_damaged():
    triton = FakeTriton(description("faces"), description("mine"))
    known = catalogue(a=triton)
    await known.refresh()
    triton.manifest["indexes"].pop(0)
    await known.refresh()
    with pytest.raises(Unavailable, match="'faces' is not being served"):
        await known.find("")
    damaged = FakeTriton(description("mine"), refused={"faces": "cut short"})
    with pytest.raises(Unavailable, match="'faces' is damaged"):
        await catalogue(a=damaged).find("")


async def test_an_unknown_index_is_not_found_one_that_vanished_is_unavailable():
    triton = FakeTriton(description(), description("other"))
    known = catalogue(a=triton)
    with pytest.raises(NotFound, match="there are: faces, other"):
        await known.find("nobody")
    triton.manifest["indexes"].pop()
    await known.refresh()
    with pytest.raises(Unavailable, match="'other' is not being served"):
        await known.find("other")


async def test_while_a_triton_is_away_nobody_is_told_that_an_index_does_not_exist():
    here, away = FakeTriton(description()), FakeTriton(description("other"))
    away.failure = AWAY
    with pytest.raises(Unavailable):
        await catalogue(here=here, away=away).find("other")


async def test_readiness_needs_a_triton_for_each_shard():
    tritons = {
        "a0": FakeTriton(description(shards=(True, False))),
        "b0": FakeTriton(description(shards=(True, False))),
        "a1": FakeTriton(description(shards=(False, True))),
    }
    known = catalogue(**tritons)

    async def check():
        async with deadline.within(10):
            await known.check_every_shard()

    await check()
    assert [triton.searched for triton in tritons.values()] == [[""]] * 3
    tritons["a0"].failure = AWAY
    await check()
    tritons["b0"].failure = AWAY
    with pytest.raises(Unavailable, match="nobody who serves faces/00000 answers"):
        await check()
    tritons["a1"].failure = AWAY
    with pytest.raises(Unavailable, match="away"):
        await check()


async def test_a_triton_that_does_not_answer_delays_nobody_and_keeps_what_it_told(monkeypatch):
    """For a while: it lives, or it would be away, and its shards are searched still."""
    tritons = {
        "a": FakeTriton(description(shards=(True, False))),
        "b": FakeTriton(description(shards=(True, False))),
        "c": FakeTriton(description(shards=(False, True))),
    }
    known = catalogue(**tritons)
    await known.refresh()
    hanging = tritons["a"]
    hanging.ready_versions = asyncio.Event().wait
    hanging.infer_all = lambda *_: asyncio.Event().wait()
    async with deadline.within(1):
        await known.check_every_shard()
    assert [shard.tritons for shard in (await known.find("")).shards] == [(0, 1), (2,)]
    monkeypatch.setattr(indexes_module, "_HOLDS_S", 0.0)
    await known.refresh(0.05)
    assert [shard.tritons for shard in (await known.find("")).shards] == [(1,), (2,)]


async def test_a_triton_with_a_manifest_of_another_kind_takes_nothing_from_the_others():
    here, strange = FakeTriton(description()), FakeTriton(description("other"))
    known = catalogue(here=here, strange=strange)
    await known.refresh()
    del strange.manifest["refused"]  # as if of another release
    await known.refresh()
    assert (await known.find("")).name == "faces"
    with pytest.raises(Unavailable, match="'other' is not being served"):
        await known.find("other")


async def test_a_triton_that_never_answered_is_away():
    here, hanging = FakeTriton(description()), FakeTriton(description("other"))
    hanging.ready_versions = asyncio.Event().wait
    known = catalogue(here=here, hanging=hanging)
    await known.refresh(0.05)
    assert [index.name for index in await known.all()] == ["faces"]
    with pytest.raises(Unavailable):
        await known.find("other")


async def test_work_is_done_again_when_the_index_has_changed_and_only_then():
    triton = FakeTriton(description())
    known = catalogue(a=triton)
    seen = []

    async def work(index):
        seen.append(index.digest)
        if len(seen) == 1:
            triton.manifest["indexes"] = [description(digest="d2")]
            raise Unavailable("changed")
        return index.digest

    assert await known.run("", work) == "d2"
    assert seen == ["d1", "d2"]

    async def fails(index):
        seen.append(index.digest)
        raise Unavailable("shard away")

    with pytest.raises(Unavailable, match="shard away"):
        await known.run("", fails)
    assert seen == ["d1", "d2", "d2"]


async def test_a_look_that_began_before_a_change_does_not_hide_it():
    """Its answer comes after somebody has noticed the change, and is the old one."""
    triton, gate = FakeTriton(description()), asyncio.Event()
    answer = triton.infer_all

    async def slow(*arguments):
        tensors = await answer(*arguments)
        await gate.wait()
        return tensors

    triton.infer_all = slow
    known = catalogue(a=triton)
    before = asyncio.create_task(known.refresh())
    await asyncio.sleep(0.01)
    triton.manifest["indexes"] = [description(digest="d2")]
    after = asyncio.create_task(known.refresh())
    await asyncio.sleep(0.01)
    gate.set()
    await asyncio.gather(before, after)
    assert (await known.find("")).digest == "d2"


@pytest.mark.parametrize(
    ("flags", "urls"),
    [([], ("127.0.0.1:8000",)), (["--triton-url=a:1, b:2,"], ("a:1", "b:2"))],
)
def test_several_tritons_are_separated_by_commas(flags, urls):
    assert SimilaritySettings.from_command_line("test", flags).triton_urls == urls


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--triton-url=,"], "names no address"),
        (["--triton-url=a:1,a:1"], "an address twice"),
        (["--max-picture-bytes-in-flight=3"], "must admit one of 16777216"),
    ],
)
def test_settings_that_make_no_sense_are_refused(flags, complaint, capsys):
    with pytest.raises(SystemExit):
        SimilaritySettings.from_command_line("test", flags)
    assert complaint in capsys.readouterr().err
