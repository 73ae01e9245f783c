#if DEBUG
    import Glibc
    import SystemPackage
    import Testing

    @testable import StreamIO

    @Suite struct FaultPlanTests {
        @Test func readsPlans() {
            #expect(PlannedFault.parse("fail:17:EIO") == .fail(at: 17, errorNumber: EIO))
            #expect(PlannedFault.parse("fail:1:28") == .fail(at: 1, errorNumber: ENOSPC))
            #expect(PlannedFault.parse("die:3") == .die(at: 3))
            #expect(PlannedFault.parse("spoil:2") == .spoil(write: 2))
            for text in [
                "", "fail", "fail:1", "fail:x:EIO", "fail:1:ENOPE", "fail:1:-5", "die", "die:", "die:1:2",
                "no:1", "spoil", "spoil:x",
            ] {
                #expect(PlannedFault.parse(text) == nil, "\(text)")
            }
        }

        @Test func failsTheOperationItNamesAndNoOther() {
            let plan = PlannedFault(.fail(at: 3, errorNumber: ENOSPC))
            #expect((1...5).map { _ in plan.next() } == [0, 0, ENOSPC, 0, 0])
            #expect(plan.count == 5)
        }

        @Test func spoilsTheWriteItNamesAndNoOther() {
            let plan = PlannedFault(.spoil(write: 2))
            #expect((1...4).map { _ in plan.spoilsNextWrite() } == [false, true, false, false])
            #expect(plan.next() == 0)
        }

        @Test func countsIntoAFile() throws {
            let folder = TemporaryFolder()
            let action = try #require(PlannedFault.parse("count:\(folder.file("count"))"))
            let plan = PlannedFault(action)
            for _ in 0..<12 { #expect(plan.next() == 0) }
            let text = String(
                decoding: try FileSystem.readWhole(folder.file("count"), limit: 100), as: UTF8.self)
            #expect(text.split { $0 == " " || $0 == "\n" } == ["12"])
        }

        /// Every kind of operation, once each; the same number whichever engine transfers.
        private static func operations(in folder: FilePath, _ kind: IOEngineKind) throws {
            let path = folder.appending("file")
            let arena = try Arena(byteCount: 4096)
            let engine = try makeEngine(kind, queueDepth: 2, arena: arena) { _ in }
            var completions: [IOCompletion] = []
            func transfer(_ operation: IORequest.Operation, _ file: OpenFile.Reference) throws {
                engine.submit(
                    IORequest(
                        operation, file: file, offset: 0, buffer: arena.slice(offset: 0, count: 4096),
                        token: 1))
                while completions.isEmpty { try engine.wait(&completions, timeout: nil) }
                let number = completions.removeLast().errorNumber
                if number != 0 { throw IOError("\(operation)", path, Errno(rawValue: number)) }
            }
            try FileSystem.createFolder(folder.appending("sub"))  // 1
            do {
                let file = try OpenFile.creating(path, direct: false)  // 2
                try file.reserve(8192)  // 3
                try transfer(.write, file.reference)  // 4
                try transfer(.read, file.reference)  // 5
                try transfer(.sync, file.reference)  // 6
                try file.truncate(to: 4096)  // 7
            }
            try FileSystem.rename(path, to: folder.appending("sub/file"), replacing: false)  // 8
            try FileSystem.syncFolder(folder)  // 9, 10
            try FileSystem.remove(folder.appending("sub/file"))  // 11
        }

        static let operationCount = 11

        @Test(arguments: IOEngineKind.tested)
        func withoutAPlanAllOperationsAreMade(_ kind: IOEngineKind) throws {
            let folder = TemporaryFolder()
            try Self.operations(in: folder.path, kind)
            #expect(try FileSystem.entries(of: folder.path) == ["sub"])
        }

        @Test(arguments: IOEngineKind.tested, 1...operationCount)
        func theProcessDiesAtTheOperationPlanned(_ kind: IOEngineKind, _ number: Int) async throws {
            let folder = TemporaryFolder()
            let (path, kind, plan) = (folder.path.string, kind.rawValue, "die:\(number)")
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = path as String, kind = kind as String, plan = plan as String] in
                FaultPlanTests.runChild(path, kind, plan)
            }
            // The operations before it were made, and it was not.
            #expect((try FileSystem.status(folder.file("sub")) != nil) == (number > 1))
            #expect((try FileSystem.status(folder.file("file")) != nil) == (number > 2 && number < 9))
            #expect((try FileSystem.status(folder.file("sub/file")) != nil) == (number > 8))
        }

        @Test(arguments: IOEngineKind.tested, 1...operationCount + 1)
        func theOperationPlannedFails(_ kind: IOEngineKind, _ number: Int) async throws {
            let folder = TemporaryFolder()
            let (path, kind, plan) = (folder.path.string, kind.rawValue, "fail:\(number):EDQUOT")
            let status = number > Self.operationCount ? EXIT_SUCCESS : EDQUOT
            await #expect(processExitsWith: .exitCode(status)) {
                [path = path as String, kind = kind as String, plan = plan as String] in
                FaultPlanTests.runChild(path, kind, plan)
            }
        }

        /// In a process of its own: the operations under a plan; exits with the number of the error, or 0.
        private static func runChild(_ path: String, _ kind: String, _ plan: String) -> Never {
            setenv("DELLAD_FAULT_PLAN", plan, 1)
            do {
                guard let kind = IOEngineKind(rawValue: kind) else { exit(1) }
                try operations(in: FilePath(path), kind)
            } catch let error as IOError {
                exit(error.errno.rawValue)
            } catch {
                exit(1)
            }
            exit(0)
        }
    }
#endif
