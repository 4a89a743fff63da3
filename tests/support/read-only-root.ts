/** Mounts a root for reading only, with one directory that can be written, and runs a command in it. */
const IN_ROOT = `set -e
mount --bind "$1" "$1"
mount --bind "$2" "$1$3"
mount --rbind /dev "$1/dev"
mount --rbind /proc "$1/proc"
mount -o remount,ro,bind "$1"
root="$1"; user="$4"; shift 4
[ "$#" -gt 0 ] || exit 0
if [ -n "$user" ]; then exec chroot --userspec="$user" "$root" "$@"; fi
exec chroot "$root" "$@"`;

/** A root to run something in: what it holds besides, /dev and /proc, must be there as empty directories. */
export interface ReadOnlyRoot {
  /** The directory that becomes /. */
  readonly path: string;
  /** The only directory that can be written, of those who run it. */
  readonly data: string;
  /** Where that is in it: an absolute path. */
  readonly volume: string;
  /** `uid:gid` of who runs it, where the one who asks is root. */
  readonly user: string;
}

/** The command line that runs a command in it, or tries only whether it can be made. The mounts are its own, and end with it. */
export function inReadOnlyRoot(
  { path, data, volume, user }: ReadOnlyRoot,
  ...command: string[]
): string[] {
  const isRoot = process.getuid?.() === 0;
  const namespaces = ["--mount", ...(isRoot ? [] : ["--map-root-user"])];
  return [
    ...["unshare", ...namespaces, "sh", "-c", IN_ROOT, "sh"],
    ...[path, data, volume, isRoot ? user : "", ...command],
  ];
}
