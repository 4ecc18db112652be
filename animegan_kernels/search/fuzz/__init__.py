"""Fuzz targets of the search backend, each with libFuzzer's entry point: what files and the network
may contain.

    fuzz_npy       headers of .npy files, and the arrays behind them
    fuzz_manifest  manifests of indexes and of embeddings, also with checksums that agree
    fuzz_requests  requests to the three models, answered from a real index
    triton         a Triton of one thread, which hands requests to the backend
    main           replays a corpus and changes it at random, where there is no libFuzzer

`python -m animegan_kernels.search.fuzz FOLDER` compiles them there, with the address sanitizer and
the one for undefined behaviour; tests/unit/search/fuzz_corpus.py writes what they begin with:

    ANIMEGAN_INDEXES=INDEXES FOLDER/fuzz_requests -runs=100000 CORPUS/requests
"""
