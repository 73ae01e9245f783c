import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// `max_jobs_per_user`: nobody takes all the room in the queue.
@Suite struct JobsPerUserTests {
    @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
    func furtherConfigsOfAUserWaitUntilOneOfTheirsHasEnded() throws {
        let rig = try SpoolRig()
        rig.machine.jobsPerUser = 2
        for number in 0..<5 {
            try rig.drop("m\(number).yml", at: 100 + number)
            chown(rig.spool.incoming("m\(number).yml").string, 4001, 4001)
        }
        try rig.drop("honest.yml", at: 2000)
        chown(rig.spool.incoming("honest.yml").string, 4002, 4002)
        rig.settle()
        #expect(rig.names(in: .active) == ["honest.yml", "m0.yml", "m1.yml"])
        #expect(rig.names(in: .incoming) == ["m2.yml", "m3.yml", "m4.yml"])
        #expect(rig.runOne() == "m0")
        rig.settle()
        #expect(rig.names(in: .active) == ["honest.yml", "m1.yml", "m2.yml"])
        // What is active stays so, whatever the setting says by then.
        try rig.restart()
        rig.machine.jobsPerUser = 1
        rig.settle(after: 31)
        #expect(rig.names(in: .active) == ["honest.yml", "m1.yml", "m2.yml"])
        #expect(rig.runAll() == ["m1", "m2", "m3", "m4", "honest"])
    }
}
