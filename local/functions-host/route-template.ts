// ASP.NET route templates: `{id}`, `{id?}`, `{id:guid}`, `{id=x}`, `{*rest}`, and parameters inside a segment.
import { HostError } from './host-error.ts';

/** A parsed template; `match` returns the parameters, or nothing if the path is not of this form. */
export interface RouteTemplate {
  text: string;
  match(pathSegments: readonly string[]): Record<string, string> | undefined;
}

interface Parameter {
  name: string;
  optional: boolean;
  catchAll: boolean;
  fallback: string | undefined;
  accepts: (value: string) => boolean;
}

interface Segment {
  pattern: RegExp;
  parameters: Parameter[];
  /** A segment that is one parameter and nothing else: the only kind that may be absent from the path. */
  lone: Parameter | undefined;
}

/** Parses a template. A constraint this host does not know is a {@link HostError}. */
export function parseRouteTemplate(text: string): RouteTemplate {
  const segments = splitSegments(text).map((segment) => parseSegment(segment, text));
  return { text, match: (path) => matchSegments(segments, path) };
}

// A slash inside braces belongs to a constraint such as regex(a/b).
function splitSegments(text: string): string[] {
  const trimmed = text.replaceAll(/^\/+|\/+$/g, '');
  return trimmed === '' ? [] : trimmed.split(/\/(?![^{]*\})/);
}

function parseSegment(segment: string, template: string): Segment {
  const parameters: Parameter[] = [];
  let pattern = '';
  for (const [part, inside] of [...segment.matchAll(/\{([^}]*)\}|[^{}]+/g)].map((match) => [match[0], match[1]])) {
    if (inside === undefined) {
      pattern += (part ?? '').replaceAll(/[$()*+.?[\\\]^{|}-]/g, String.raw`\$&`);
    } else {
      parameters.push(parseParameter(inside, template));
      pattern += '(.+?)';
    }
  }
  const lone = parameters.length === 1 && /^\{[^}]*\}$/.test(segment) ? parameters[0] : undefined;
  return { pattern: new RegExp(`^${pattern}$`, 'i'), parameters, lone };
}

function parseParameter(inside: string, template: string): Parameter {
  const match = /^(\*{0,2})([^:=?]+)((?::[^:=(?]+(?:\(.*?\))?)*)(?:=(.*?))?(\?)?$/.exec(inside);
  if (match === null) throw new HostError(`Route "${template}": "{${inside}}" cannot be read.`);
  const [, stars = '', name = '', constraints = '', fallback, question] = match;
  const checks = [...constraints.matchAll(/:([^:=(?]+)(?:\((.*?)\))?/g)].map(([, kind = '', argument = '']) =>
    constraint(kind.trim().toLowerCase(), argument, template),
  );
  return {
    name,
    optional: question !== undefined,
    catchAll: stars !== '',
    fallback,
    accepts: (value) => checks.every((check) => check(value)),
  };
}

function matches(pattern: RegExp): (value: string) => boolean {
  return (value) => pattern.test(value);
}

const wholeNumber = matches(/^[+-]?\d+$/);

function constraint(kind: string, argument: string, template: string): (value: string) => boolean {
  const [first = 0, second] = argument.split(',').map(Number);
  switch (kind) {
    case 'int':
      return (value) => wholeNumber(value) && Math.abs(Number(value)) <= 2 ** 31;
    case 'long':
      return wholeNumber;
    case 'guid':
      return matches(/^(?:[0-9a-f]{32}|\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?)$/i);
    case 'bool':
      return matches(/^(?:true|false)$/i);
    case 'alpha':
      return matches(/^[a-z]*$/i);
    case 'decimal':
    case 'double':
    case 'float':
      return (value) => value.trim() !== '' && Number.isFinite(Number(value));
    case 'datetime':
      return (value) => !Number.isNaN(Date.parse(value));
    case 'min':
      return (value) => wholeNumber(value) && Number(value) >= first;
    case 'max':
      return (value) => wholeNumber(value) && Number(value) <= first;
    case 'range':
      return (value) => wholeNumber(value) && Number(value) >= first && Number(value) <= (second ?? first);
    case 'length':
      return (value) => value.length >= first && value.length <= (second ?? first);
    case 'minlength':
      return (value) => value.length >= first;
    case 'maxlength':
      return (value) => value.length <= first;
    case 'regex':
      return matches(new RegExp(argument, 'i'));
    case 'required':
      return (value) => value !== '';
    default:
      throw new HostError(`Route "${template}": the constraint "${kind}" is unknown.`);
  }
}

function matchSegments(segments: readonly Segment[], path: readonly string[]): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const { lone } = segment;
    if (lone?.catchAll === true) {
      const rest = path.slice(index).map(decodeSegment).join('/');
      if (rest !== '') found[lone.name] = rest;
      return found;
    }
    const raw = path[index];
    if (raw === undefined) {
      if (lone === undefined || (!lone.optional && lone.fallback === undefined)) return undefined;
      if (lone.fallback !== undefined) found[lone.name] = lone.fallback;
      continue;
    }
    const values = segment.pattern.exec(decodeSegment(raw));
    if (raw === '' || values === null) return undefined;
    for (const [position, parameter] of segment.parameters.entries()) {
      const value = values[position + 1] ?? '';
      if (!parameter.accepts(value)) return undefined;
      found[parameter.name] = value;
    }
  }
  return path.length > segments.length ? undefined : found;
}

// ASP.NET unescapes a path before routing, all but the slash.
function decodeSegment(segment: string): string {
  try {
    return segment
      .split(/(%2f)/i)
      .map((part) => (/^%2f$/i.test(part) ? part : decodeURIComponent(part)))
      .join('');
  } catch {
    return segment;
  }
}
