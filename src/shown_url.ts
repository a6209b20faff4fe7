/**
 * An address as it may be printed and recorded: scheme, host, port and path, of a query the names alone. Its user, password
 * and values may be secrets.
 */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return "an address that cannot be read";
  const { protocol, host, pathname, searchParams } = new URL(url);
  const names = [...new Set(searchParams.keys())].map((name) => `${encodeURIComponent(name)}=...`);
  const query = names.length ? `?${names.join("&")}` : "";
  return `${protocol}//${host}${pathname === "/" && !query ? "" : pathname}${query}`;
}
