"""A call passes few modules: who adds a door to its way says so here."""

from benchmarks.doors import all_doors

MOST = {"generator": 20, "similarity": 22, "upscaler": 27}


def test_a_call_passes_few_modules():
    passed = dict(all_doors())
    assert passed.keys() == MOST.keys()
    for service, doors in passed.items():
        assert doors[0] == "services.common.rpc.interceptor"
        assert {f"services.{service}.handler", "services.common.triton.connections"} < set(doors)
        assert len(doors) <= MOST[service], doors
