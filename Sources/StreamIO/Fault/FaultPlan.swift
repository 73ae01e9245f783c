import Glibc
import SystemPackage

/// Plans a failure, or the death of the process, at the n-th operation on the file system.
///
/// Every open, read, write, sync, rename, unlink, allocation (`fallocate`, `ftruncate`) and folder creation
/// of the program passes `reach` just before it is made, transfers of both engines when they are submitted.
/// The operations are counted from 1 through the whole process. In debug builds the environment variable
/// `DELLAD_FAULT_PLAN`, read once, says what happens:
///
/// * `fail:17:EIO` – operation 17 is not made and fails with that error (a name below, or a number);
/// * `die:17` – the process kills itself (`SIGKILL`) instead of making operation 17;
/// * `spoil:3` – the third transfer to a file by an engine writes a wrong bit, in the middle of its buffer;
/// * `count:FILE` – nothing fails; FILE holds the number of operations so far, in decimal.
///
/// A plan that cannot be read ends the process at once, so that no test passes because of a misspelling. In
/// release builds all of this compiles to nothing.
enum FaultPlan {
    /// What an operation is, for those who read a plan's code.
    enum Operation: Sendable {
        case open, read, write, sync, rename, unlink, allocate, createFolder
    }

    /// Counts one operation. The error number with which it must fail instead of being made, or 0.
    @inline(__always)
    static func reach(_ operation: Operation) -> Int32 {
        #if DEBUG
            return planned.next()
        #else
            return 0
        #endif
    }

    /// Counts a transfer to a file, and spoils what is to be written where the plan says so.
    @inline(__always)
    static func spoil(_ buffer: UnsafeMutableRawBufferPointer) {
        #if DEBUG
            if planned.spoilsNextWrite(), !buffer.isEmpty { buffer[buffer.count / 2] ^= 1 }
        #endif
    }

    /// As `reach`, thrown.
    @inline(__always)
    static func check(_ operation: Operation, _ words: String, _ path: FilePath) throws(IOError) {
        #if DEBUG
            let number = reach(operation)
            if number != 0 { throw IOError(words, path, Errno(rawValue: number)) }
        #endif
    }

    #if DEBUG
        private static let planned = PlannedFault(
            environment: getenv("DELLAD_FAULT_PLAN").map { String(cString: $0) })
    #endif
}
