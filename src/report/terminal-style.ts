/** Colours for a terminal, or none. */
export interface TerminalStyle {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly red: (text: string) => string;
}

const paint = (open: number, close: number) => (text: string) => `\u001b[${open}m${text}\u001b[${close}m`;
const plain = (text: string) => text;

export function terminalStyle(color: boolean): TerminalStyle {
  return color
    ? {
        bold: paint(1, 22),
        dim: paint(2, 22),
        green: paint(32, 39),
        yellow: paint(33, 39),
        red: paint(31, 39),
      }
    : { bold: plain, dim: plain, green: plain, yellow: plain, red: plain };
}
