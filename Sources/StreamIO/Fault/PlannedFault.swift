#if DEBUG
    import Glibc
    import Synchronization

    /// One fault plan and its count of operations. Safe to use from any thread.
    final class PlannedFault: Sendable {
        /// What a plan does.
        enum Action: Hashable, Sendable {
            case none
            case fail(at: UInt64, errorNumber: Int32)
            case die(at: UInt64)
            case spoil(write: UInt64)
            case count(descriptor: Int32)
        }

        let action: Action
        private let reached = Atomic<UInt64>(0)
        private let written = Atomic<UInt64>(0)

        init(_ action: Action) {
            self.action = action
        }

        /// The plan of an environment variable's value; `nil` plans nothing.
        convenience init(environment text: String?) {
            guard let text else {
                self.init(.none)
                return
            }
            guard let action = Self.parse(text) else {
                fatalError("DELLAD_FAULT_PLAN: cannot read '\(text)'")
            }
            self.init(action)
        }

        /// Operations so far.
        var count: UInt64 { reached.load(ordering: .relaxed) }

        /// Counts an operation. The error number it must fail with, or 0.
        func next() -> Int32 {
            let number = reached.wrappingAdd(1, ordering: .relaxed).newValue
            switch action {
            case .none, .spoil:
                return 0
            case .fail(let at, let errorNumber):
                return number == at ? errorNumber : 0
            case .die(let at):
                if number >= at { kill(getpid(), SIGKILL) }
                return 0
            case .count(let descriptor):
                // Fixed width: a later, shorter number can never be left with an earlier one's digits.
                var digits = String(count)
                digits = String(repeating: " ", count: max(0, 20 - digits.utf8.count)) + digits + "\n"
                _ = digits.withUTF8 { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
                return 0
            }
        }

        /// Counts a transfer to a file. Whether its bytes are to be wrong.
        func spoilsNextWrite() -> Bool {
            guard case .spoil(let write) = action else { return false }
            return written.wrappingAdd(1, ordering: .relaxed).newValue == write
        }

        /// Reads the text of a plan; `count:FILE` creates FILE.
        static func parse(_ text: String) -> Action? {
            let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(
                String.init)
            switch (parts.first, parts.count) {
            case ("fail", 3):
                guard let at = UInt64(parts[1]), let number = names[parts[2]] ?? Int32(parts[2]), number > 0
                else {
                    return nil
                }
                return .fail(at: at, errorNumber: number)
            case ("die", 2):
                return UInt64(parts[1]).map { .die(at: $0) }
            case ("spoil", 2):
                return UInt64(parts[1]).map { .spoil(write: $0) }
            case ("count", 2...):
                let file = String(text.dropFirst("count:".count))
                let descriptor = open(file, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0o644)
                return descriptor < 0 ? nil : .count(descriptor: descriptor)
            default:
                return nil
            }
        }

        private static let names: [String: Int32] = [
            "EPERM": EPERM, "ENOENT": ENOENT, "EINTR": EINTR, "EIO": EIO, "EAGAIN": EAGAIN, "ENOMEM": ENOMEM,
            "EACCES": EACCES, "EEXIST": EEXIST, "EINVAL": EINVAL, "ENFILE": ENFILE, "EMFILE": EMFILE,
            "EFBIG": EFBIG, "ENOSPC": ENOSPC, "EROFS": EROFS, "EDQUOT": EDQUOT, "ENOTSUP": ENOTSUP,
            "ENOSYS": ENOSYS, "ESTALE": ESTALE,
        ]
    }
#endif
