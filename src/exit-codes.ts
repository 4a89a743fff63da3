/** The exit codes of the process beside 0, as sysexits.h of BSD has them; the documentation names them by number. */

/** The command line is wrong. */
export const EX_USAGE = 64;

/** The data are not sound. */
export const EX_DATAERR = 65;

/** A file to read is not there. */
export const EX_NOINPUT = 66;

/** No broker is there to send to. */
export const EX_UNAVAILABLE = 69;

/** The program itself failed. */
export const EX_SOFTWARE = 70;

/** A file that the service needs cannot be used. */
export const EX_CANTCREAT = 73;

/** A setting is wrong. */
export const EX_CONFIG = 78;
