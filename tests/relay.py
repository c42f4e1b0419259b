"""A wire that can be cut: a TCP relay on loopback between clients and a server that knows nothing of it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Relay:
    """Forwards every connection to a port until it is told to stop; lives on one event loop."""

    def __init__(self, to_port: int, watch: Callable[[int, bytes], None] = lambda connection, data: None) -> None:
        """`watch(connection, data)` sees, before they are sent on, the bytes that clients send; connections count from 1."""
        self._to_port = to_port
        self._watch = watch
        self._connections = 0
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
            self._connections += 1
            number = self._connections
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
            self._wires.add(far_writer)
            try:
                there = asyncio.create_task(self._pump(reader, far_writer, lambda data: self._watch(number, data)))
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

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, see: Callable[[bytes], None] = lambda data: None
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._flowing.wait()
                see(data)
                writer.write(data)
                await writer.drain()

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._wires.discard(writer)
        writer.transport.abort()


class Wire:
    """A relay on a thread of its own, for tests that have no loop."""

    def __init__(self, relay: Relay, loop: asyncio.AbstractEventLoop) -> None:
        self._relay = relay
        self._loop = loop
        self.port = relay.port

    def cut(self) -> None:
        """Tear every connection and refuse new ones."""
        self._loop.call_soon_threadsafe(self._relay.cut)

    def mend(self) -> None:
        """Let everything through again."""
        self._loop.call_soon_threadsafe(self._relay.mend)


@contextmanager
def running_wire(to_port: int, watch: Callable[[int, bytes], None] = lambda connection, data: None) -> Iterator[Wire]:
    """Give a wire to a port, as `Relay` has it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="wire")
    thread.start()
    relay = Relay(to_port, watch)
    try:
        asyncio.run_coroutine_threadsafe(relay.open(), loop).result(10)
        yield Wire(relay, loop)
        asyncio.run_coroutine_threadsafe(relay.close(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
