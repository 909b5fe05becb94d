// What the cases about structure share.
import { filePart, mail, noise, textPart, type EmlCase, type Entity } from './raw-mail.ts';

/** A mail that consists of one entity, with its Content-Type line as given. */
export function whole(name: string, entity: Entity, header = entity.header): EmlCase {
  return mail(`structure-${name}`, { headers: [header], body: entity.body });
}

/** Parts that the structures are made of. */
export const pdf = filePart(
  ['Content-Type: application/pdf; name="quote.pdf"', 'Content-Disposition: attachment; filename="quote.pdf"'],
  noise(700, 3),
);
export const html = textPart('<html><body><p>Grüße in HTML</p></body></html>', 'html');
export const plain = textPart('Grüße in plain text');
