// Several forms of one body, images inside it, and texts beside it.
import { filePart, multipart, nested, noise, part, textPart, type EmlCase } from './raw-mail.ts';
import { html, pdf, plain, whole } from './structure-parts.ts';

function image(id: string, seed: number): Buffer {
  return filePart(
    [
      `Content-Type: image/png; name="${id}.png"`,
      'Content-Disposition: inline',
      `Content-ID: <${id}@northwind.example>`,
    ],
    noise(300, seed),
  );
}

/** Which of several texts is the body, and what belongs to it. */
export function alternativeCases(): EmlCase[] {
  const related = multipart('related', 'rel', [
    textPart('<p>Logo <img src="cid:logo@northwind.example"> and <img src="cid:second@northwind.example"></p>', 'html'),
    image('logo', 5),
    image('second', 6),
  ]);
  const alternative = multipart('alternative', 'alt', [plain, html]);
  return [
    whole('alternative', alternative),
    whole('alternative-html-first', multipart('alternative', 'alt', [html, plain])),
    whole('alternative-text-only', multipart('alternative', 'alt', [plain])),
    whole('alternative-html-only', multipart('alternative', 'alt', [html])),
    whole('alternative-with-related', multipart('alternative', 'alt', [plain, nested(related)])),
    whole('related-with-alternative', multipart('related', 'rel', [nested(alternative), image('inside', 7)])),
    whole(
      'related-type-parameter',
      related,
      'Content-Type: multipart/related; type="text/html"; start="<root@x>";\r\n\tboundary="rel"',
    ),
    whole(
      'mixed-related-alternative',
      multipart('mixed', 'mix', [nested(multipart('related', 'rel', [nested(alternative), image('deep', 8)])), pdf]),
    ),
    whole('mixed-html-only', multipart('mixed', 'mix', [html, pdf])),
    whole('mixed-attachment-first', multipart('mixed', 'mix', [pdf, plain])),
    whole(
      'mixed-footer',
      multipart('mixed', 'mix', [
        nested(alternative),
        part(['Content-Type: text/plain; charset=us-ascii', 'Content-Disposition: inline'], 'List footer'),
      ]),
    ),
    whole('mixed-text-then-html', multipart('mixed', 'mix', [plain, html])),
    whole(
      'mixed-html-between',
      multipart('alternative', 'alt', [
        plain,
        nested(multipart('mixed', 'in', [html, pdf, textPart('<p>after</p>', 'html')])),
      ]),
    ),
    whole(
      'mixed-inline-text-file',
      multipart('mixed', 'mix', [
        plain,
        part(['Content-Type: text/plain; charset=utf-8', 'Content-Disposition: inline; filename="notes.txt"'], 'notes'),
        part(
          [
            'Content-Type: text/html; charset=utf-8; name="page.html"',
            'Content-Disposition: inline; filename="page.html"',
          ],
          '<p>page</p>',
        ),
      ]),
    ),
    whole(
      'mixed-named-html-body',
      multipart('mixed', 'mix', [
        part(
          [
            'Content-Type: text/html; charset=utf-8; name="mail.html"',
            'Content-Disposition: inline; filename="mail.html"',
          ],
          '<p>The body has a name</p>',
        ),
        pdf,
      ]),
    ),
    whole('mixed-no-text', multipart('mixed', 'mix', [pdf])),
    whole('unknown-subtype', multipart('x-private', 'mix', [plain, pdf])),
    whole('related-without-cid', multipart('related', 'rel', [html, pdf])),
  ];
}
