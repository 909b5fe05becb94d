import { expect, it } from 'vitest';
import { makeRecentMails } from '../../../shared/domain/recent-mails.ts';

it('a mail that was published is remembered, for its own mailbox and by its exact id', () => {
  const recent = makeRecentMails();
  recent.add('mailbox-1', 'AAkAb=');
  expect(recent.has('mailbox-1', 'AAkAb=')).toBe(true);
  expect(recent.has('mailbox-1', 'AAkAB=')).toBe(false);
  expect(recent.has('mailbox-2', 'AAkAb=')).toBe(false);
});

it('the oldest are forgotten first [F77]', () => {
  const recent = makeRecentMails(3);
  for (const id of ['a', 'b', 'c', 'c', 'd']) recent.add('m', id);
  expect(['a', 'b', 'c', 'd'].filter((id) => recent.has('m', id))).toEqual(['b', 'c', 'd']);
});
