// The facts of a mail that must survive the way from the file to the queue.

/** A person as a mail names them. */
export interface ExpectedAddress {
  readonly name: string;
  readonly address: string;
}

/** An attachment; `name` is undefined where the mail gives none and the receiver makes one up. */
export interface ExpectedAttachment {
  readonly name: string | undefined;
  readonly contentType: string;
  readonly size: number;
  readonly contentId: string | undefined;
}

/** Everything that must survive the way to the queue. */
export interface ExpectedMail {
  readonly from: ExpectedAddress | undefined;
  readonly sender: ExpectedAddress | undefined;
  readonly replyTo: readonly ExpectedAddress[];
  readonly to: readonly ExpectedAddress[];
  readonly cc: readonly ExpectedAddress[];
  readonly bcc: readonly ExpectedAddress[];
  readonly subject: string;
  /** Undefined if the mail has none: the receiving server then makes one. */
  readonly messageId: string | undefined;
  /** Undefined if the mail has no readable date: the time of receipt stands in for it. */
  readonly sentAt: Date | undefined;
  readonly inReplyTo: string | undefined;
  readonly references: readonly string[];
  readonly body: { readonly contentType: 'html' | 'text'; readonly content: string };
  readonly attachments: readonly ExpectedAttachment[];
}
