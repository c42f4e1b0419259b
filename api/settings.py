"""Settings: the only reader of the environment.

Every setting is `WARDLIGHT_<NAME>`; a secret may come from the file that `WARDLIGHT_<NAME>_FILE` names instead.
Nothing is read at import: commands call `load_settings()` once and pass the frozen result on.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

#: names that begin like settings and are read elsewhere: by the tests
_NOT_OURS = ("WARDLIGHT_TEST_DATABASE_URL",)

#: settings that are one of a few words
_CHOICES = {
    "WARDLIGHT_LOG_LEVEL": ("debug", "info", "warning", "error"),
    "WARDLIGHT_LOG_FORMAT": ("auto", "json", "console"),
    "WARDLIGHT_MQTT_READER": ("bulk", "callbacks"),
}


class SettingsError(Exception):
    """A setting is missing or cannot be read; the message names it and the way out."""


def _setting(default: Any, secret: bool = False) -> Any:
    return field(default=default, metadata={"secret": secret})


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can set; docs/settings.md has a row for each."""

    #: connection URL of the application; empty starts nothing and says how to set it
    database_url: str = _setting("", secret=True)
    #: connection URL that owns the schema, for `migrate`; empty means database_url
    database_owner_url: str = _setting("", secret=True)
    #: most connections one process opens
    database_pool_size: int = 10
    #: broker URL, mqtt:// or mqtts://, user and password included
    mqtt_url: str = _setting("", secret=True)
    #: password file of the broker, which `device add` and `device revoke` rewrite; empty means the embedded broker's
    mqtt_password_file: str = ""
    #: certificate authority file for mqtts://; empty means the system's
    mqtt_ca_file: str = ""
    #: how ingest reads its socket: "bulk" (fast), or "callbacks" (paho's public interface alone)
    mqtt_reader: str = "bulk"
    #: address that `serve` listens on
    http_host: str = "127.0.0.1"
    #: port that `serve` listens on
    http_port: int = 8000
    #: address that people's browsers use, behind any proxy
    public_url: str = "http://127.0.0.1:8000"
    #: proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas; empty means none
    trusted_proxies: str = ""
    #: where embedded parts keep their data
    data_dir: Path = Path("var")
    #: secret that pages by webhook are signed with; empty means that there are no webhooks
    webhook_secret: str = _setting("", secret=True)
    #: private networks that webhooks may lead into, separated by commas; empty means none
    webhook_networks: str = ""
    #: folder with rule files (*.toml); empty means the shipped ones
    rules_dir: str = ""
    #: what the watchdog calls every minute while all is well; a service that misses the call tells people. Empty: nothing
    watchdog_url: str = _setting("", secret=True)
    #: what it calls while something is wrong; empty means the one above with /fail, "none" means silence
    watchdog_fail_url: str = _setting("", secret=True)
    #: what it posts every beginning and end of a fault to, as JSON; empty means nowhere
    watchdog_webhook: str = _setting("", secret=True)
    #: the `serve` processes that the watchdog asks, separated by commas; empty means http_host and http_port
    watchdog_serves: str = ""
    #: how many times faster than in life everything about the watch goes: heartbeats, readings, limits, calls; for tests
    watch_pace: float = 1.0
    #: folder with programme templates (*.toml); empty means the shipped ones
    programmes_dir: str = ""
    #: "debug", "info", "warning" or "error"
    log_level: str = "info"
    #: "json", "console", or "auto": console where somebody watches, else json
    log_format: str = "auto"
    #: relaxes what only a demonstration may relax (example secrets, cookies without TLS)
    demo: bool = False


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process.

    Raises SettingsError for a value of the wrong type, an unreadable `_FILE`, and a `WARDLIGHT_` name nobody knows.
    """
    source = os.environ if environ is None else environ
    names = {f"WARDLIGHT_{spec.name.upper()}": bool(spec.metadata.get("secret")) for spec in fields(Settings)}
    known = {*names, *(f"{name}_FILE" for name, secret in names.items() if secret), *_NOT_OURS}
    if unknown := sorted(name for name in source if name.startswith("WARDLIGHT_") and name not in known):
        raise SettingsError(f"nobody knows the setting {unknown[0]}: docs/settings.md lists them all")
    given: dict[str, Any] = {}
    for spec in fields(Settings):
        name = f"WARDLIGHT_{spec.name.upper()}"
        text = source.get(name)
        if (file := source.get(f"{name}_FILE")) is not None and spec.metadata.get("secret"):
            try:
                text = Path(file).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{name}_FILE names {file}, which cannot be read: {error.strerror}") from error
        if text is not None:
            given[spec.name] = _convert(name, text, spec.type)
    return Settings(**given)


def _convert(name: str, text: str, kind: Any) -> Any:
    if kind is bool:
        if text.lower() not in {"1", "0", "true", "false", "yes", "no"}:
            raise SettingsError(f"{name} is {text!r}; write 1 or 0")
        return text.lower() in {"1", "true", "yes"}
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{name} is {text!r}; write a whole number") from None
    if kind is float:
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not 0.01 <= number <= 100:
            raise SettingsError(f"{name} is {text!r}; write a number between 0.01 and 100")
        return number
    if name in _CHOICES and text not in _CHOICES[name]:
        raise SettingsError(f"{name} is {text!r}; write one of: {', '.join(_CHOICES[name])}")
    return kind(text)
