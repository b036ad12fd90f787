"""The lab's own programs inside a VM: one module each, `main(arguments) -> exit code`."""
