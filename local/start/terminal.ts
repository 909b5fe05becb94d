// Writing for a person: lines that stay, and on a terminal one live line below them.
/** Where `npm start` writes to. */
export type Terminal = {
  line(text?: string): void;
  /** A line that matters less. */
  dim(text: string): void;
  /** A line that must not be missed. */
  alarm(text: string): void;
  /** Replaces the live line; not shown when nobody watches. */
  status(text: string): void;
  /** Takes the live line away. */
  endStatus(): void;
};

/**
 * Text of a mail made safe to print: escape sequences could move the cursor or rename the window,
 * bidirectional overrides could show a sender that is none.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
}

const segments = new Intl.Segmenter();

/** Cuts a text to so many characters as people count them, so that no emoji is cut in two. */
export function shorten(text: string, most: number): string {
  const characters = Array.from(segments.segment(text.slice(0, most * 12)), ({ segment }) => segment);
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : characters.join('');
}

/** A terminal on the given stream; colours and the live line only if it is one. */
export function makeTerminal(stream: NodeJS.WriteStream): Terminal {
  const live = stream.isTTY;
  const colours = live && process.env['NO_COLOR'] === undefined;
  let shown = '';

  function write(text: string): void {
    stream.write(`${shown === '' ? '' : '\r\u001b[2K'}${text}\n${shown}`);
  }
  const paint = (code: number, text: string): string => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);

  return {
    line: (text = '') => write(text),
    dim: (text) => write(paint(2, text)),
    alarm: (text) => write(paint(31, text)),
    status(text) {
      if (!live) return;
      stream.write(shown === '' ? text : `\r\u001b[2K${text}`);
      shown = text;
    },
    endStatus() {
      if (shown !== '') stream.write('\r\u001b[2K');
      shown = '';
    },
  };
}
