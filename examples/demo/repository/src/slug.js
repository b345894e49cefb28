/** The part of a URL that a title becomes. */
export const slug = (title) => title.toLowerCase().replace(/[^a-z]+/g, "-")
