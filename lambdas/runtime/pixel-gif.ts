/** A transparent GIF of one pixel, 43 bytes, in base64. */
export const PIXEL_GIF = 'R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==';
