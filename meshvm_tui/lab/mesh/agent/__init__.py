"""The pretend pilot-agent: one process inside a lab VM, judged by the files that it finds there.

It reads the environment that istio-start.sh gives it and the files in their places, relative to `/`,
and needs nothing but the standard library, cryptography and yaml, so that it starts quickly.
"""
