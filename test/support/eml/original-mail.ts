import { mail } from './raw-mail.ts';

/** The mail that other mails of the corpus carry inside. */
export const originalMail = mail('inner-original', {
  headers: ['Subject: The original question', 'To: other@contoso.example'],
}).raw;
