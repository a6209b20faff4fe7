// What may be printed and recorded of values that may hold secrets. Plain JavaScript, since the menu works before anything is
// installed.

/**
 * An address: scheme, host, port and path, of a query the names alone. Its user, password and values may be secrets.
 *
 * @param {string} url
 * @returns {string}
 */
export function shownUrl(url) {
  if (!URL.canParse(url)) return "***";
  const { protocol, host, pathname, searchParams } = new URL(url);
  const names = [...new Set(searchParams.keys())].map((name) => `${encodeURIComponent(name)}=...`);
  const query = names.length ? `?${names.join("&")}` : "";
  return `${protocol}//${host}${pathname === "/" && !query ? "" : pathname}${query}`;
}

/**
 * Variables as `KEY=value ...`: names, no values, but for those that stand in `known`.
 *
 * @param {string} text
 * @param {string} known
 * @returns {string}
 */
export function shownVariables(text, known = "") {
  // A name, "=", then a quoted or an unquoted value, up to white space or the end.
  const pairs = (/** @type {string} */ of) => [...of.matchAll(/([A-Za-z_]\w*)=(?:"[^"]*"|'[^']*'|[^\s"']*)(?=\s|$)/g)];
  const shown = pairs(known).map(([pair]) => pair);
  const names = pairs(text).map(([pair, name]) => (shown.includes(pair) ? pair : `${name}=***`));
  return names.join(" ") || "***";
}

/**
 * Requests as `METHOD URL JSON`: without their bodies.
 *
 * @param {string} text
 * @returns {string}
 */
export function shownRequests(text) {
  const requests = [...text.matchAll(/^\s*([A-Z]+)\s+(https?:\S+)(.*)$/gm)];
  return (
    requests.map(([, method, url, body]) => `${method} ${shownUrl(url)}${body?.trim() ? " ..." : ""}`).join("; ") ||
    "***"
  );
}
