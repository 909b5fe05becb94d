export interface DeltaPosition {
  mailbox: string;
  folderId: string;
  since: number;
  /** Place in the folder's log of arrivals. */
  position: number;
  /** Entries shown so far by this chain. */
  served: number;
  /** Tokens of another epoch have been forgotten. */
  epoch: number;
}

/** A delta or next link that carries all it stands for. */
export function chainLink(position: DeltaPosition): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(position)) parameters.set(name, String(value));
  return `https://graph.test/v1.0/delta?${parameters.toString()}`;
}

export function readLink(link: string): DeltaPosition {
  const { searchParams } = new URL(link);
  const text = (name: keyof DeltaPosition) => searchParams.get(name) ?? '';
  return {
    mailbox: text('mailbox'),
    folderId: text('folderId'),
    since: Number(text('since')),
    position: Number(text('position')),
    served: Number(text('served')),
    epoch: Number(text('epoch')),
  };
}
