"""Twenty people watching the worklist, as one process: `python -m benchmarks.watchers ADDRESS COOKIE…`.

Each holds the event stream open and, whenever it says that alerts changed, fetches the fragment that the screen fetches
(api/static/worklist.js), one fetch at a time. Prints a line for every row that is new to a watcher:
which watcher, the patient's public id, and when the whole fragment was there (seconds since 1970).
"""

import asyncio
import re
import sys
import time
from typing import Final
from urllib.parse import urlsplit

_MARK: Final = re.compile(rb'data-mark="([^"]*)"')
_ROW: Final = re.compile(rb'<li [^>]*data-key="([^"]*)"')


class Watcher:
    """One screen with a session of its own."""

    def __init__(self, number: int, address: str, cookie: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._head = f"Host: {parts.netloc}\r\nCookie: {cookie}\r\nAccept: text/html, text/event-stream\r\n\r\n"
        self._number = number
        self._mark = b""
        self._seen: set[bytes] = set()
        self._changed = asyncio.Event()
        self.ready = asyncio.Event()

    async def watch(self) -> None:
        """Watch until cancelled."""
        await asyncio.gather(self._listen(), self._fetch_on_change())

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        await self._ask(reader, writer, "/api/v1/events")
        async for line in reader:
            if line.strip() in {b"event: alerts", b"event: refresh"}:
                self._changed.set()
        raise ConnectionError("the event stream ended")

    async def _fetch_on_change(self) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        while True:
            await self._changed.wait()
            self._changed.clear()
            path = f"/worklist/rows?queue=clinical&since={self._mark.decode()}"
            try:
                length = await self._ask(reader, writer, path)
            except (asyncio.IncompleteReadError, ConnectionResetError):  # unused for a while, so the server closed it
                writer.close()
                reader, writer = await asyncio.open_connection(self._host, self._port)
                length = await self._ask(reader, writer, path)
            html = await reader.readexactly(length)
            now = time.time()
            found = _MARK.search(html)
            if found is None:
                raise ValueError("the fragment has no mark")
            self._mark = found[1]
            for key in _ROW.findall(html):
                if key not in self._seen:
                    self._seen.add(key)
                    print(self._number, key.decode(), f"{now:.6f}", flush=True)
            self.ready.set()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> int:
        """Send a request and read the answer's head; return the length of its body, 0 for a stream."""
        writer.write(f"GET {path} HTTP/1.1\r\n{self._head}".encode())
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise ConnectionError(f"{path} answered {head[:40]!r}")
        found = re.search(rb"content-length: (\d+)", head)
        return int(found[1]) if found else 0


async def main(address: str, cookies: list[str]) -> None:
    """Watch with every cookie until the process is stopped."""
    watchers = [Watcher(number, address, cookie) for number, cookie in enumerate(cookies)]
    await asyncio.gather(_say_ready(watchers), *(one.watch() for one in watchers))


async def _say_ready(watchers: list[Watcher]) -> None:
    for one in watchers:
        await one.ready.wait()
    print("watching", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
