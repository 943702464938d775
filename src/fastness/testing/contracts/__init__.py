"""Contract suites: what an implementation of one of our protocols has to do, as tests that it can run on itself.

Subclass the suite of the protocol in your own tests and say how an instance is made. The suites state promises that the
callers rely on for security, such as atomic counters; an implementation that fails one is not slow or incomplete, it is
unsafe. They use plain `async def test_…` methods and no fixtures: any pytest plugin for asyncio runs them.
"""
