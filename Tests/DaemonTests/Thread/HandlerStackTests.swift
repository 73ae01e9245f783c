import CDaemon
import Glibc
import StreamIO
import Synchronization
import Testing

@testable import Daemon

/// What a thread takes for the handler of crashes goes with the thread.
@Suite struct HandlerStackTests {
    @Test func aThreadGivesItsHandlersStackBack() throws {
        let count = 40
        let stacks = Mutex<[UInt]>([])
        for _ in 0..<count {
            try DetachedThread.start {
                var stack = stack_t()
                sigaltstack(nil, &stack)
                let address = UInt(bitPattern: stack.ss_sp)
                stacks.withLock { $0.append(stack.ss_flags & Int32(SS_DISABLE) == 0 ? address : 0) }
            }
        }
        for _ in 0..<30_000 where stacks.withLock({ $0.count }) < count { usleep(10_000) }
        usleep(200_000)
        let addresses = stacks.withLock { $0 }
        #expect(addresses.count == count && !addresses.contains(0))
        // Other threads may have taken the place of some.
        let mapped = addresses.count { address in
            msync(UnsafeMutableRawPointer(bitPattern: address), 4096, Int32(MS_ASYNC)) == 0
        }
        #expect(mapped < count)
    }
}
