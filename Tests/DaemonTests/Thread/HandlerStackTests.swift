import CDaemon
import Glibc
import StreamIO
import Synchronization
import Testing

@testable import Daemon

/// What a thread takes for the handler of crashes goes with the thread.
@Suite struct HandlerStackTests {
    private static let count = 40
    /// Other tests' memory may take the place of all of a round's stacks, hardly of every round's.
    private static let rounds = 20

    @Test func aThreadGivesItsHandlersStackBack() throws {
        for _ in 0..<Self.rounds {
            let addresses = try stacksOfEndedThreads()
            #expect(addresses.count == Self.count && !addresses.contains(0))
            let mapped = addresses.count { address in
                msync(UnsafeMutableRawPointer(bitPattern: address), 4096, Int32(MS_ASYNC)) == 0
            }
            if mapped < Self.count { return }
        }
        Issue.record("all stacks of \(Self.rounds * Self.count) threads are still there")
    }

    /// Where the handlers' stacks of threads were that have ended; 0 of one without.
    private func stacksOfEndedThreads() throws -> [UInt] {
        let stacks = Mutex<[UInt]>([])
        for _ in 0..<Self.count {
            try DetachedThread.start {
                var stack = stack_t()
                sigaltstack(nil, &stack)
                let address = UInt(bitPattern: stack.ss_sp)
                stacks.withLock { $0.append(stack.ss_flags & Int32(SS_DISABLE) == 0 ? address : 0) }
            }
        }
        for _ in 0..<30_000 where stacks.withLock({ $0.count }) < Self.count { usleep(10_000) }
        usleep(200_000)
        return stacks.withLock { $0 }
    }
}
