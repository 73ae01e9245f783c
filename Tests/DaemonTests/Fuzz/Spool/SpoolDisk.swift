import StreamIO
import Synchronization
import SystemPackage

@testable import Daemon

/// The disk as one process of the daemon finds it: it fails at times, and does nothing any more once the process is
/// dead.
final class SpoolDisk: Sendable {
    private struct State {
        var stepsToLive = Int.max
        var fault: SpoolAct.Fault?
        var count = 0
        var steps: [String] = []
        var isDisturbed = false
    }

    private let state: Mutex<State>

    init(fault: SpoolAct.Fault? = nil) {
        state = Mutex(State(fault: fault))
    }

    var isDead: Bool { state.withLock { $0.stepsToLive <= 0 } }
    var fault: SpoolAct.Fault? { state.withLock { $0.fault } }

    func die(after steps: Int) { state.withLock { $0.stepsToLive = steps } }
    func fail(_ fault: SpoolAct.Fault?) { state.withLock { $0.fault = fault } }

    /// The steps since the last time, and whether one of them was disturbed.
    func takeSteps() -> (names: [String], areDisturbed: Bool) {
        state.withLock { state in
            defer { (state.steps, state.isDisturbed) = ([], false) }
            return (state.steps, state.isDisturbed)
        }
    }

    /// Comes before each change.
    func step(_ name: String) throws(IOError) {
        let errno: Errno? = state.withLock { state in
            if state.stepsToLive > 0 { state.stepsToLive -= 1 }
            if state.stepsToLive <= 0 {
                state.isDisturbed = true
                return .interrupted
            }
            state.count += 1
            if let fault = state.fault, state.count % fault.every == 0, let errno = fault.errno(name) {
                state.isDisturbed = true
                return errno
            }
            state.steps.append(name)
            return nil
        }
        if let errno { throw IOError(name, "", errno) }
    }
}

extension SpoolAct.Fault {
    /// How a step fails; `nil` where it does not. What gives room needs none.
    fileprivate func errno(_ step: String) -> Errno? {
        switch kind {
        case .full:
            ["remove", "discard", "clear", "forget", "sync"].contains { step.hasPrefix($0) } ? nil : .noSpace
        case .broken: .ioError
        case .closed: .permissionDenied
        }
    }
}
