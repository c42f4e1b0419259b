// Times as a colleague would say them: the browser's half of api/pages/words.py, held to it by tests/browser/test_words.py.
// Pure: milliseconds since 1970 and `now` come in, words go out.

const MINUTE = 60, HOUR = 3600, DAY = 86400;
const formats = new Map();

function parts(ms, zone) {
  if (!formats.has(zone)) {
    formats.set(zone, new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit",
    }));
  }
  return Object.fromEntries(formats.get(zone).formatToParts(new Date(ms)).map(({ type, value }) => [type, value]));
}

function dayNumber(ms, zone) {
  const p = parts(ms, zone);
  return Date.parse(`${p.month} ${p.day}, ${p.year} 00:00:00 UTC`) / 86400000;
}

export function clock(ms, zone) {
  const p = parts(ms, zone);
  return `${Number(p.hour)}:${p.minute}`;
}

export function moment(ms, now, zone) {
  const ahead = dayNumber(ms, zone) - dayNumber(now, zone);
  const p = parts(ms, zone);
  const name = ahead === 0 ? "today" : ahead === -1 ? "yesterday" : ahead === 1 ? "tomorrow"
    : p.year === parts(now, zone).year ? `${p.day} ${p.month}` : `${p.day} ${p.month} ${p.year}`;
  return `${name} ${clock(ms, zone)}`;
}

export function when(ms, now, zone) {
  return moment(ms, now, zone).replace(/^today /, "");
}

export function duration(seconds) {
  const whole = Math.trunc(Math.max(0, seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < 6 * HOUR && whole % HOUR >= MINUTE) return `${Math.floor(whole / HOUR)} h ${Math.floor((whole % HOUR) / MINUTE)} min`;
  if (whole < 2 * DAY) return `${Math.floor(whole / HOUR)} h`;
  return `${Math.floor(whole / DAY)} days`;
}

export function age(ms, now, zone) {
  const seconds = (now - ms) / 1000;
  if (seconds < 1) return seconds > -10 * MINUTE ? "just now" : moment(ms, now, zone);
  return seconds < 6 * HOUR ? `${duration(seconds)} ago` : moment(ms, now, zone);
}

export function left(due, now, target, zone) {
  const seconds = (due - now) / 1000;
  if (seconds < 0) return `${duration(-seconds)} overdue`;
  if (target <= 90 * MINUTE) {
    return seconds < MINUTE ? `${Math.trunc(seconds)} s left` : `${Math.floor(seconds / MINUTE)} min left of ${Math.floor(target / MINUTE)}`;
  }
  return dayNumber(due, zone) === dayNumber(now, zone) ? `today, ${duration(seconds < 2 * HOUR ? seconds : Math.floor(seconds / HOUR) * HOUR)} left` : `by ${moment(due, now, zone)}`;
}
