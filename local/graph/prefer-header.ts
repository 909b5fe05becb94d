/** The `Prefer` request header: several preferences, comma separated, and what of them was applied. */

export type Preferences = {
  immutableIds: boolean;
  bodyType: 'text' | 'html' | null;
  maxPageSize: number | null;
  /** The value of `Preference-Applied`, if any was. */
  applied: string | null;
};

/** Reads the header; preferences that are not known are ignored, as RFC 7240 says. */
export function readPreferences(header: string | undefined): Preferences {
  const preferences: Preferences = { immutableIds: false, bodyType: null, maxPageSize: null, applied: null };
  const applied: string[] = [];
  for (const part of (header ?? '').split(',')) {
    const [name = '', raw = ''] = part.split('=', 2);
    const value = raw.trim().replaceAll('"', '').toLowerCase();
    switch (name.trim().toLowerCase()) {
      case 'idtype':
        if (value !== 'immutableid') break;
        preferences.immutableIds = true;
        applied.push('IdType="ImmutableId"');
        break;
      case 'outlook.body-content-type':
        if (value !== 'text' && value !== 'html') break;
        preferences.bodyType = value;
        applied.push(`outlook.body-content-type="${value}"`);
        break;
      case 'odata.maxpagesize':
        if (!/^[1-9]\d{0,6}$/.test(value)) break;
        preferences.maxPageSize = Number(value);
        applied.push(`odata.maxpagesize=${value}`);
        break;
      default:
    }
  }
  if (applied.length > 0) preferences.applied = applied.join(', ');
  return preferences;
}
