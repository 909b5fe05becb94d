// How parts are nested, bounded and sometimes not bounded.
import {
  crlf,
  filePart,
  join,
  mail,
  multipart,
  nested,
  noise,
  textPart,
  type EmlCase,
  type Entity,
} from './raw-mail.ts';
import { html, pdf, plain, whole } from './structure-parts.ts';

function deep(levels: number): Entity {
  let entity = multipart('mixed', 'level-0', [plain, pdf]);
  for (let level = 1; level < levels; level += 1) {
    entity = multipart('mixed', `level-${String(level)}`, [nested(entity)]);
  }
  return entity;
}

function boundaryCases(): EmlCase[] {
  const inner = multipart('alternative', 'outer-inner', [plain, html]);
  const special = "=_'()+_,-./:=?x y";
  return [
    whole('deep-20', deep(20)),
    whole(
      'preamble-epilogue',
      multipart('mixed', 'pre', [plain, pdf], {
        preamble: 'This is a multi-part message.\r\n--almost\r\n',
        epilogue: '\r\nEpilogue text\r\n--pre\r\nContent-Type: text/plain\r\n\r\nnot a part\r\n',
      }),
    ),
    whole('missing-close', multipart('mixed', 'open', [plain, pdf], { close: false })),
    whole(
      'missing-close-inner',
      multipart('mixed', 'out', [nested(multipart('alternative', 'in', [plain, html], { close: false })), pdf]),
    ),
    whole('boundary-special', multipart('mixed', special, [plain, pdf])),
    whole('boundary-prefix', multipart('mixed', 'outer', [nested(inner), pdf])),
    whole('boundary-70-long', multipart('mixed', 'b'.repeat(70), [plain, pdf])),
    whole(
      'boundary-unquoted',
      multipart('mixed', 'simple123', [plain, pdf]),
      'Content-Type: multipart/mixed; boundary=simple123',
    ),
    whole(
      'boundary-folded',
      multipart('mixed', 'fold-me', [plain, pdf]),
      'Content-Type: multipart/mixed;\r\n\tcharset="utf-8";\r\n boundary="fold-me"',
    ),
    whole(
      'boundary-continued',
      multipart('mixed', 'first-second', [plain, pdf]),
      'Content-Type: multipart/mixed; boundary*0="first-"; boundary*1="second"',
    ),
    whole('boundary-trailing-space', {
      header: 'Content-Type: multipart/mixed; boundary="sp"',
      body: join(crlf('--sp  '), plain, crlf('', '--sp\t'), pdf, crlf('', '--sp--  ')),
    }),
    whole('boundary-missing-parameter', {
      header: 'Content-Type: multipart/mixed',
      body: crlf('--x', '', 'text of nobody', '--x--'),
    }),
    whole('boundary-never-used', {
      header: 'Content-Type: multipart/mixed; boundary="never"',
      body: crlf('Only this text follows.'),
    }),
    whole(
      'lf-only-multipart',
      (() => {
        const entity = multipart('mixed', 'lf', [plain, pdf]);
        return {
          header: entity.header,
          body: Buffer.from(entity.body.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'),
        };
      })(),
    ),
  ];
}

function emptyPartCases(): EmlCase[] {
  return [
    whole('empty-text-part', multipart('mixed', 'mix', [textPart(''), pdf])),
    whole('empty-html-part', multipart('alternative', 'alt', [plain, textPart('', 'html')])),
    whole('part-without-headers', multipart('mixed', 'mix', [join('\r\n', 'text without part headers'), pdf])),
    whole('part-headers-only', {
      header: 'Content-Type: multipart/mixed; boundary="mix"',
      body: join(
        crlf('--mix'),
        plain,
        crlf(
          '',
          '--mix',
          'Content-Type: application/x-empty',
          'Content-Disposition: attachment; filename="headers-only.bin"',
          '--mix--',
        ),
      ),
    }),
    whole('no-parts', multipart('mixed', 'mix', [])),
    whole(
      'digest',
      multipart('digest', 'dig', [join('\r\n', mail('digest-one').raw), join('\r\n', mail('digest-two').raw)]),
    ),
    whole('parallel', multipart('parallel', 'par', [plain, pdf])),
    whole(
      '200-parts',
      multipart('mixed', 'many', [
        plain,
        ...Array.from({ length: 199 }, (_, index) =>
          filePart(
            [`Content-Type: application/x-part; name="part${String(index)}.bin"`, 'Content-Disposition: attachment'],
            noise(20, index + 1),
          ),
        ),
      ]),
    ),
  ];
}

/** Structure cases. */
export function structureCases(): EmlCase[] {
  return [...boundaryCases(), ...emptyPartCases()];
}
