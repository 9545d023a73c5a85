import { LlmbenchError } from "../error.ts";

/** Lower-case names of headers that the transport sets: given twice, a server would take one request for another. */
export const ownHeaders = /^(?:connection|content-length|transfer-encoding)$/;

/** Whether a text can be a header's value: nothing in it may begin another header. */
export function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** One line of a request's head, `name` in lower case. Throws LOAD_HEADER, which does not repeat the value. */
export function headerLine(name: string, value: string): string {
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || !isHeaderValue(value) || ownHeaders.test(name)) {
    throw new LlmbenchError("LOAD_HEADER", `the header ${JSON.stringify(name)} cannot be sent as it is`, {
      hint: "names are letters, digits and -; values are one line of Latin-1 text; connection, content-length and transfer-encoding are set by llmbench",
    });
  }
  return `${name}: ${value}\r\n`;
}
