"""The subcommands of `anime-gan upscaler`; each module adds one."""
