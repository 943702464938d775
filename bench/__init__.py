"""The benchmark: the same work on Fastness, Django, FastAPI, Litestar and hand-written ASGI, side by side in one run.

`python -m bench` measures and writes `docs/benchmarks/`; `bench/README.md` says how, and what each figure means. Nothing
here is imported by the framework.
"""
