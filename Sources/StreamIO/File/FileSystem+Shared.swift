import CLinux
import Glibc
import SystemPackage

/// What other machines do to a file system that several share.
extension FileSystem {
    /// Has the server say what is in a folder: a network file system goes by what it saw a while ago, of names that are not
    /// there too, until the folder is opened. Nothing happens where it is not there.
    public static func lookAnew(at folder: FilePath) throws(IOError) {
        do throws(IOError) {
            close(try openFolder(folder))
        } catch {
            guard [.noSuchFileOrDirectory, .staleNFSFileHandle].contains(error.errno) else { throw error }
        }
    }

    /// As `status` of a file itself, as the server knows it now; `nil` where there is no file of that name.
    public static func statusAnew(_ path: FilePath) throws(IOError) -> FileStatus? {
        do throws(IOError) {
            return try OpenFile.forReadingUnlinked(path).status()
        } catch {
            let absences: [Errno] = [
                .noSuchFileOrDirectory, .notDirectory, .staleNFSFileHandle, .tooManySymbolicLinkLevels,
            ]
            guard absences.contains(error.errno) else { throw error }
            return nil
        }
    }

    /// Whether this machine may see for a moment what another has changed already, as where a server in user space lets the
    /// kernel keep what it told: a second is usual. Not on disks, nor where servers keep all machines' caches alike (Lustre,
    /// GPFS, CephFS).
    public static func mayBeBehind(_ path: FilePath) -> Bool {
        cachingTypes.contains(path.withPlatformString { dellad_file_system_type($0) })
    }

    /// Numbers of statfs(2): FUSE, NFS, SMB 1, CIFS and SMB 2, 9P, AFS.
    private static let cachingTypes: Set<Int64> = [
        0x6573_5546, 0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x0102_1997, 0x6B41_4653,
    ]
}
