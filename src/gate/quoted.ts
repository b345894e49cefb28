/** Words for `/bin/sh`. */

/** In single quotes, whatever it holds but NUL. */
export const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** The same, bare where the shell would read it as it is. */
export const quotedIfNeeded = (text: string): string => (/^[\w@%+=:,./-]+$/u.test(text) ? text : quoted(text))
