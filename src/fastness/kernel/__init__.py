"""The kernel: security decisions in pure Python, on nothing but the standard library.

Everything here takes plain values and gives back a value, a verdict or an error from the one tree in
`fastness.kernel.errors`. No I/O, no logging, no framework. Import the module you need; this package re-exports nothing,
so that `import fastness.kernel.csrf` loads only what a CSRF check needs.
"""
