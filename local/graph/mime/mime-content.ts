/** What of a MIME tree is the body, and what is attached. Nothing is lost: what is not body is an attachment. */
import { decodeCharset, decodeUnlabelled } from './charset.ts';
import { contentOf, type MimePart } from './mime-part.ts';

export type AttachedPart = { part: MimePart; related: boolean };

export type MimeContent = {
  html: string | null;
  /** The plain text: of its own part, or null if there is only HTML. */
  text: string | null;
  attached: AttachedPart[];
};

/** A body in one form or both. `named` has a file name: such a text is a file, if another text can be the body. */
type Body = { kind: 'body'; html: MimePart | null; text: MimePart | null; named: boolean; related: boolean };
type Item = Body | ({ kind: 'attached' } & AttachedPart);

const isText = (part: MimePart): boolean => part.type === 'text/plain' || part.type === 'text/html';
const isBodyItem = (item: Item): item is Body => item.kind === 'body';

/** Reads body and attachments out of a tree: one body, all other texts stay attachments as in Exchange. */
export function readMimeContent(root: MimePart): MimeContent {
  const items = collect(root, { isFirst: true, related: false, isRoot: true });
  const shown = bestBody(items);
  const attached = items.flatMap((item) => (item === shown ? [] : [toAttached(item)]));
  const html = shown?.html ?? null;
  const text = shown?.text ?? null;
  return { html: html === null ? null : textOf(html), text: text === null ? null : textOf(text), attached };
}

function bestBody(items: readonly Item[]): Body | undefined {
  const bodies = items.filter(isBodyItem);
  const unnamed = bodies.filter((body) => !body.named);
  const candidates = unnamed.length > 0 ? unnamed : bodies;
  return candidates.find((body) => body.html !== null) ?? candidates[0];
}

function toAttached(item: Item): AttachedPart {
  if (item.kind === 'attached') return { part: item.part, related: item.related };
  const part = item.html ?? item.text;
  if (part === null) throw new Error('A body has neither HTML nor text: that is a bug of the emulator.');
  return { part, related: item.related };
}

type Place = { isFirst: boolean; related: boolean; isRoot: boolean };

function collect(part: MimePart, place: Place): Item[] {
  if (part.children.length === 0) return [leafItem(part, place)];
  if (part.type === 'multipart/alternative') return collectAlternatives(part, place);
  if (part.type === 'multipart/related') return collectRelated(part, place);
  const items: Item[] = [];
  for (const child of part.children) {
    items.push(...collect(child, { ...place, isFirst: place.isFirst && items.length === 0, isRoot: false }));
  }
  return items;
}

function leafItem(part: MimePart, place: Place): Item {
  const { related } = place;
  if (!canBeBody(part, place)) return { kind: 'attached', part, related };
  const isHtml = part.type === 'text/html';
  const named = part.filename !== null && !place.isRoot;
  return { kind: 'body', html: isHtml ? part : null, text: isHtml ? null : part, named, related };
}

function canBeBody(part: MimePart, place: Place): boolean {
  if (part.disposition === 'attachment') return false;
  if (place.related && part.contentId !== null && !place.isFirst) return false;
  if (isText(part)) return true;
  return place.isRoot && part.type.startsWith('text/') && part.type !== 'text/calendar' && part.filename === null;
}

/** Of alternatives the HTML is shown and the text kept beside it, in whatever order they stand. */
function collectAlternatives(part: MimePart, place: Place): Item[] {
  const branches = part.children.map((child) => collect(child, { ...place, isFirst: true, isRoot: false }));
  const shown =
    branches.findLast((items) => items.some((item) => isBodyItem(item) && item.html !== null)) ??
    branches.find((items) => items.some(isBodyItem));
  const others = branches.filter((items) => items !== shown).flat();
  const text = others.filter(isBodyItem).find((item) => item.text !== null)?.text ?? null;
  return branches.flatMap((items): Item[] => {
    // Another form of what is shown says nothing new.
    if (items !== shown) return items.filter((item) => item.kind === 'attached');
    const main = bestBody(items);
    return items.map((item) => {
      return item === main ? { ...main, text: main.text ?? text, named: false, related: place.related } : item;
    });
  });
}

/** The root of a related group is body, the others belong to it. */
function collectRelated(part: MimePart, place: Place): Item[] {
  const start = part.typeParams.get('start')?.replace(/^<|>$/g, '');
  const named = part.children.find((child) => start !== undefined && child.contentId === start);
  const root = named ?? part.children[0];
  return part.children.flatMap((child) => {
    const isRoot = child === root;
    return collect(child, { isFirst: isRoot && place.isFirst, related: !isRoot || place.related, isRoot: false });
  });
}

/** The text of a leaf, with the line ends that Graph shows. Flowed text stays as it was sent: a reader can join it. */
function textOf(part: MimePart): string {
  const bytes = contentOf(part);
  const label = part.typeParams.get('charset') ?? (part.type === 'text/html' ? htmlCharset(bytes) : undefined);
  const text = label === undefined ? decodeUnlabelled(bytes) : decodeCharset(bytes, label);
  return text.replace(/\r\n|\r|\n/g, '\r\n');
}

/** The charset that an HTML text names itself. */
function htmlCharset(bytes: Buffer): string | undefined {
  return /<meta[^>]+charset\s*=\s*["']?([\w-]+)/i.exec(bytes.toString('latin1', 0, 2_048))?.[1];
}
