"""Client of the generation API: faces from seeds. Synchronous or with asyncio."""
