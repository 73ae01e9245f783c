/// One thing that somebody does to a spool, or that happens to its daemon.
///
/// An act says all of what it does, whatever was done before: without the others it is the same act, so that a failing
/// case can be made smaller.
enum SpoolAct: Equatable {
    /// How a file comes into a folder.
    enum Manner: CaseIterable {
        /// Written to what has the name, or to a new file.
        case cp
        /// Written elsewhere, then moved over what has the name.
        case mv
        /// As `mv`, with a draft beside, as editors do.
        case editor
        /// The first half, and the rest when three seconds have passed.
        case pieces
        /// A second name of a file that lies elsewhere.
        case link
        /// Emptied, and then written.
        case truncate
    }

    enum Stranger: CaseIterable {
        case file, folder, link, dangling, pipe, large
    }

    /// A file, dated in seconds, of which the daemon hears or not.
    case write(String, in: String, kind: String, at: Int, Manner, isHeard: Bool)
    case submit(String, kind: String, isFirst: Bool)
    /// By the command.
    case cancel(String), retry(String)
    /// By `touch`.
    case request(String, at: Int, isHeard: Bool)
    case move(String, in: String, to: String, into: String, copies: Bool, isHeard: Bool)
    case remove(String, in: String)
    case touch(String, in: String, at: Int)
    case chmod(String, in: String, Int)
    case stranger(String, in: String, Stranger)
    /// The whole folder, with what is in it; a file takes its place, or not.
    case removeFolder(String, obstructs: Bool)
    case pass(seconds: Double)
    /// The next merge begins.
    case begin
    /// The merge under way ends.
    case end
    case beginAndEnd
    case stop
    case kill
    /// The daemon dies before the step with that number from now; the host with it, and what was not synced is lost.
    case die(steps: Int, isPowerCut: Bool)
    /// Each n-th step of the disk fails.
    case fault(Fault)
    case heal
    case reload(jobsPerUser: Int)
    case clear(days: Int)

    struct Fault: Equatable {
        enum Kind: CaseIterable {
            case full, broken, closed
        }

        var kind: Kind
        var every: Int
    }
}

/// In words.
extension SpoolAct: CustomStringConvertible {
    var description: String {
        switch self {
        case .write(let name, let folder, let kind, let time, let manner, let isHeard):
            "\(manner) '\(kind)' to \(folder)/\(name.shown) of \(time)\(isHeard ? "" : ", unheard")"
        case .submit(let name, let kind, let isFirst):
            "submit \(isFirst ? "--first " : "")'\(kind)' as \(name.shown)"
        case .cancel(let name): "dellad cancel \(name.shown)"
        case .retry(let name): "dellad retry \(name.shown)"
        case .request(let name, let time, let isHeard):
            "touch incoming/\(name.shown) of \(time)\(isHeard ? "" : ", unheard")"
        case .move(let name, let folder, let other, let target, let copies, _):
            "\(copies ? "cp" : "mv") \(folder)/\(name.shown) \(target)/\(other.shown)"
        case .remove(let name, let folder): "rm -r \(folder)/\(name.shown)"
        case .touch(let name, let folder, let time): "touch \(folder)/\(name.shown) to \(time)"
        case .chmod(let name, let folder, let mode): "chmod \(String(mode, radix: 8)) \(folder)/\(name.shown)"
        case .stranger(let name, let folder, let kind): "a stranger's \(kind) \(folder)/\(name.shown)"
        case .removeFolder(let folder, let obstructs):
            "rm -r \(folder)\(obstructs ? ", and a file in its place" : "")"
        case .pass(let seconds): "\(seconds) s pass"
        case .begin: "a merge begins"
        case .end: "the merge ends"
        case .beginAndEnd: "a merge begins and ends"
        case .stop: "the daemon is stopped and started"
        case .kill: "the daemon is killed and started"
        case .die(let steps, let isPowerCut):
            "\(isPowerCut ? "the power is cut" : "the daemon is killed") after \(steps) steps more"
        case .fault(let fault): "the disk is \(fault.kind), each \(fault.every)th step fails"
        case .heal: "the disk is well"
        case .reload(let count): "settings: \(count) jobs a user"
        case .clear(let days): "\(days) days later what ended more than 3 days ago is cleared"
        }
    }
}

extension String {
    fileprivate var shown: String {
        let plain = unicodeScalars.map {
            $0.isASCII && $0.value >= 32 ? String($0) : "\\x" + String($0.value, radix: 16)
        }
        return plain.count > 40
            ? plain.prefix(4).joined() + "…(\(plain.count))" + plain.suffix(8).joined() : plain.joined()
    }
}
