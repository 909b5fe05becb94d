/** A mail as Graph gave it, parsed at the edge. Times are UTC; names and addresses as they stand in the mail. */
export interface Mail {
  /** Immutable id, case-sensitive. */
  id: string;
  receivedAt: Date;
  sentAt: Date | undefined;
  isDraft: boolean;
  parentFolderId: string | undefined;
  internetMessageId: string | undefined;
  conversationId: string | undefined;
  subject: string | undefined;
  from: Person | undefined;
  sender: Person | undefined;
  to: Person[];
  cc: Person[];
  bcc: Person[];
  replyTo: Person[];
  importance: string | undefined;
  isRead: boolean | undefined;
  headers: Header[];
  body: Body;
  attachments: Attachment[];
}

export interface Person {
  name?: string | undefined;
  address?: string | undefined;
}

export interface Header {
  name: string;
  value: string;
}

export interface Body {
  contentType: 'html' | 'text';
  content: string;
}

export interface Attachment {
  id: string;
  kind: 'file' | 'item' | 'reference';
  name: string | undefined;
  contentType: string | undefined;
  /** Bytes, as Graph counts them. */
  size: number;
  isInline: boolean;
  contentId?: string | undefined;
}

/** One entry of a delta or list page. */
export type PageEntry =
  /** Everything that a mail event needs. */
  | { kind: 'mail'; mail: Mail }
  /** The service left fields out: it has to be fetched by id. */
  | { kind: 'partial'; id: string; receivedAt: Date | undefined; isDraft?: boolean }
  /** Cannot be understood; `id` where it can at least be named. */
  | { kind: 'unreadable'; id: string | undefined; reason: string };

export interface MailPage {
  entries: PageEntry[];
  /** How many entries the service sent, removals included: a filtered delta ends silently at 5,000. */
  count: number;
}

const DAY_MS = 86_400_000;

/** Ledger rows live 60 days by received time; a mail older than this could outlive its own row and be sent again. */
export const WANTED_FOR_MS = 59 * DAY_MS;

/** The one rule of which mail becomes a mail event, for delta, by-id, gap and audit alike. */
export function isWanted(mail: Pick<Mail, 'isDraft' | 'receivedAt'>, watchStart: Date, now: number): boolean {
  const received = mail.receivedAt.getTime();
  return !mail.isDraft && received >= watchStart.getTime() && received >= now - WANTED_FOR_MS;
}
