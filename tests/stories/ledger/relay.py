"""A wire that can be cut: a TCP relay on loopback between clients and a server that knows nothing of it."""

import asyncio
import contextlib


class Relay:
    """Forwards every connection to a port until it is told to stop; lives on one event loop."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._server: asyncio.Server | None = None
        self._wires: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._cut = False
        self.port = 0

    async def open(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End every connection and stop listening."""
        assert self._server is not None
        self._server.close()
        self.cut()
        self._flowing.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Tear every connection (a reset, bytes on their way are gone) and refuse new ones."""
        self._cut = True
        for wire in list(self._wires):
            wire.transport.abort()

    def freeze(self) -> None:
        """Hold every byte back without a word, as a network that lost its way; nobody is told."""
        self._flowing.clear()

    def mend(self) -> None:
        """Let bytes and new connections through again."""
        self._cut = False
        self._flowing.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(task := asyncio.current_task())  # type: ignore[arg-type]
        self._wires.add(writer)
        try:
            if self._cut:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
            self._wires.add(far_writer)
            try:
                there = asyncio.create_task(self._pump(reader, far_writer))
                back = asyncio.create_task(self._pump(far_reader, writer))
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
                for pump in (there, back):
                    pump.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
            finally:
                self._drop(far_writer)
        except OSError:
            pass  # the server is down: whoever connected sees a closed connection
        finally:
            self._drop(writer)
            self._tasks.discard(task)  # type: ignore[arg-type]

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._wires.discard(writer)
        writer.transport.abort()
