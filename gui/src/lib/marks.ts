/** The inline markup of descriptions: code, bold, italic, links. */

export const MARKS = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|(?<!\w)[*_]([^*_\n]+)[*_](?!\w)|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>)]+)/g;

/** A line as plain text, where markup cannot be shown. */
export const withoutMarks = (text: string) => text.replace(MARKS, (whole, code?: string, bold?: string, italic?: string, link?: string) => code ?? bold ?? italic ?? link ?? whole);
