/** The OData options that lists of messages and delta take: `$select`, `$expand`, `$filter`, `$orderby`, `$top`. */
import { badRequest, GraphFailure } from './graph-failure.ts';
import type { MailMessage } from './message-record.ts';
import { checkAttachmentSelect, checkMessageSelect, hasAttachments } from './message-view.ts';

export type Comparison = 'eq' | 'ne' | 'ge' | 'gt' | 'le' | 'lt';
export type Condition = { property: string; comparison: Comparison; value: string | number | boolean };
export type Ordering = { property: string; descending: boolean };

type Comparable = string | number | boolean | null;

const filterable: Record<string, (message: MailMessage) => Comparable> = {
  receiveddatetime: (message) => message.receivedAt,
  lastmodifieddatetime: (message) => message.modifiedAt,
  createddatetime: (message) => message.createdAt,
  sentdatetime: (message) => message.sentAt ?? message.receivedAt,
  isdraft: (message) => message.isDraft,
  isread: (message) => message.isRead,
  hasattachments: hasAttachments,
  importance: (message) => message.importance,
  subject: (message) => message.subject,
  internetmessageid: (message) => message.internetMessageId,
  conversationid: (message) => message.conversationId,
  'from/emailaddress/address': (message) => message.from?.address ?? null,
};

/** A set of lower-case names, or null for no selection. */
export function readSelect(text: string | undefined): ReadonlySet<string> | null {
  if (text === undefined || text.trim() === '') return null;
  return new Set(
    text
      .split(',')
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name !== ''),
  );
}

/** The selection for attachments, checked. */
export function readAttachmentSelect(text: string | undefined): ReadonlySet<string> | null {
  const select = readSelect(text);
  checkAttachmentSelect(select);
  return select;
}

/** The selection for messages, checked. */
export function readMessageSelect(text: string | undefined): ReadonlySet<string> | null {
  const select = readSelect(text);
  checkMessageSelect(select);
  return select;
}

/** `$expand=attachments` with an optional selection of its own; nothing else can be expanded here. */
export function readAttachmentsExpand(text: string | undefined): { select: ReadonlySet<string> | null } | null {
  if (text === undefined || text.trim() === '') return null;
  const match = /^\s*attachments\s*(?:\(\s*\$select=([^()]*)\))?\s*$/i.exec(text);
  if (match === null) {
    throw badRequest(
      `$expand=${text} is not supported by this emulator: only attachments, with an optional ($select=…).`,
    );
  }
  return { select: readAttachmentSelect(match[1]) };
}

function readLiteral(text: string): string | number | boolean {
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  const quoted = /^'(.*)'$/s.exec(text);
  if (quoted?.[1] !== undefined && !/^\d{4}-\d\d-\d\dT/.test(quoted[1])) return quoted[1].replaceAll("''", "'");
  const time = Date.parse(quoted?.[1] ?? text);
  if (!/^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/i.test(quoted?.[1] ?? text) || Number.isNaN(time)) {
    throw badRequest(`Invalid filter clause: the literal ${text} was not understood.`);
  }
  return time;
}

const comparisons: readonly Comparison[] = ['eq', 'ne', 'ge', 'gt', 'le', 'lt'];

/** Reads a filter of comparisons joined by `and`. */
export function readFilter(text: string | undefined): Condition[] {
  if (text === undefined || text.trim() === '') return [];
  const conditions: Condition[] = [];
  const pattern = /\s*\(?\s*([A-Za-z/]+)\s+(eq|ne|ge|gt|le|lt)\s+('(?:[^']|'')*'|[^\s()]+)\s*\)?\s*(?:(and)\b|$)/iy;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    const [, property, comparison, value] = match ?? [];
    const found = comparisons.find((name) => name === comparison?.toLowerCase());
    if (property === undefined || found === undefined || value === undefined) {
      throw badRequest(`Invalid filter clause: '${text}'. This emulator takes comparisons joined by "and".`);
    }
    if (filterable[property.toLowerCase()] === undefined) {
      throw badRequest(`Invalid filter clause: this emulator cannot filter messages by '${property}'.`);
    }
    conditions.push({ property: property.toLowerCase(), comparison: found, value: readLiteral(value) });
  }
  return conditions;
}

/** Reads `$orderby`: one of the two moments that lists are kept in order of. */
export function readOrdering(text: string | undefined): Ordering | null {
  if (text === undefined || text.trim() === '') return null;
  const match = /^\s*(receivedDateTime|lastModifiedDateTime)(?:\s+(asc|desc))?\s*$/i.exec(text);
  if (match?.[1] === undefined) {
    throw badRequest(
      `$orderby=${text} is not supported by this emulator: one of receivedDateTime, lastModifiedDateTime, asc or desc.`,
    );
  }
  return { property: match[1].toLowerCase(), descending: match[2]?.toLowerCase() === 'desc' };
}

/** The rule for filter and order together (user-list-messages): what is ordered by must be filtered by, first. */
export function checkFilterAndOrder(filter: readonly Condition[], ordering: Ordering | null): void {
  if (ordering === null || filter.length === 0) return;
  if (filter[0]?.property !== ordering.property) {
    throw new GraphFailure(
      400,
      'InefficientFilter',
      'The restriction or sort order is too complex for this operation.',
    );
  }
}

/** Whether a message passes all conditions. */
export function matches(message: MailMessage, conditions: readonly Condition[]): boolean {
  return conditions.every((condition) => holds(filterable[condition.property]?.(message) ?? null, condition));
}

function holds(actual: Comparable, { comparison, value }: Condition): boolean {
  const left = typeof actual === 'string' ? actual.toLowerCase() : actual;
  const right = typeof value === 'string' ? value.toLowerCase() : value;
  switch (comparison) {
    case 'eq':
      return left === right;
    case 'ne':
      return left !== right;
    case 'ge':
      return left !== null && left >= right;
    case 'gt':
      return left !== null && left > right;
    case 'le':
      return left !== null && left <= right;
    case 'lt':
      return left !== null && left < right;
  }
}

/** A positive whole number of an option such as `$top`. */
export function readCount(name: string, text: string | undefined, limits: { min: number; max: number }): number | null {
  if (text === undefined) return null;
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < limits.min || count > limits.max) {
    throw badRequest(
      `The value '${text}' of ${name} is not valid: a whole number from ${limits.min} to ${limits.max}.`,
    );
  }
  return count;
}
