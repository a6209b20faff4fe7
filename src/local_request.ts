import type { IncomingHttpHeaders } from "node:http";

/** What a web page can make a browser send has its own name in `Host`, even when that name resolves to this machine. */
const OWN_HOSTS = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i;

/** Whether a request was sent to this machine by its own name, and not by one that somebody else gave it. */
export function isToThisMachine({ host = "" }: IncomingHttpHeaders): boolean {
  return OWN_HOSTS.test(host);
}

/**
 * Whether a page of another site, or of another port, has made a browser send the request. Other programs send neither header.
 *
 * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export function isFromOtherPage({ host, origin, "sec-fetch-site": site = "none" }: IncomingHttpHeaders): boolean {
  if (site !== "none" && site !== "same-origin") return true;
  return origin !== undefined && origin !== `http://${host}`;
}
