//! Whether parallel execution made of a block what sequential execution made of it.

use std::fmt::Debug;

use alloy_primitives::Address;
use braid_executor::{BlockOutcome, ExecutionError, ParallelError};

use crate::verify::Difference;

/// What becomes of a block, or why nothing does.
type Sequential<E> = Result<BlockOutcome, ExecutionError<E>>;
type Parallel<E> = Result<BlockOutcome, ParallelError<E>>;

/// Where two executions of a block differ; nowhere, if parallel execution works. Expected is what sequential execution found.
pub fn disagreements<E: std::error::Error + 'static>(
    sequential: &Sequential<E>,
    parallel: &Parallel<E>,
) -> Vec<Difference> {
    let (expected, found) = match (sequential, parallel) {
        (Ok(expected), Ok(found)) => return outcome_differences(expected, found),
        (Err(expected), Err(ParallelError::Execution(found))) => {
            (expected.to_string(), found.to_string())
        }
        (expected, found) => (said(expected), said(found)),
    };
    let item = "result of parallel execution".to_owned();
    if expected == found { Vec::new() } else { vec![Difference { item, expected, found }] }
}

fn said<E: std::error::Error + 'static>(result: &Result<BlockOutcome, E>) -> String {
    result.as_ref().map_or_else(ToString::to_string, |_| "a valid block".to_owned())
}

fn outcome_differences(sequential: &BlockOutcome, parallel: &BlockOutcome) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut differ = |item: String, expected: String, found: String| {
        if expected != found {
            let item = format!("{item} by parallel execution");
            differences.push(Difference { item, expected, found });
        }
    };
    if sequential == parallel {
        return differences;
    }
    let (a, b) = (sequential, parallel);
    differ("gas used".to_owned(), a.gas_used.to_string(), b.gas_used.to_string());
    differ("blob gas used".to_owned(), a.blob_gas_used.to_string(), b.blob_gas_used.to_string());
    differ("receipts".to_owned(), a.receipts.len().to_string(), b.receipts.len().to_string());
    let pairs = a.receipts.iter().zip(&b.receipts).enumerate();
    if let Some((index, (a, b))) = pairs.into_iter().find(|(_, (a, b))| a != b) {
        differ(format!("receipt {index}"), debug(a), debug(b));
    }
    differ("logs bloom".to_owned(), a.logs_bloom.to_string(), b.logs_bloom.to_string());
    differ("requests".to_owned(), debug(&a.requests), debug(&b.requests));
    differ("transactions left out".to_owned(), debug(&a.excluded), debug(&b.excluded));
    let mut addresses: Vec<&Address> =
        a.state.accounts.keys().chain(b.state.accounts.keys()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    for address in addresses {
        let [a, b] = [a, b].map(|outcome| outcome.state.accounts.get(address));
        if a != b {
            differ(format!("changes of {address}"), debug(&a), debug(&b));
        }
    }
    let codes = |outcome: &BlockOutcome| debug(&outcome.state.code.keys().collect::<Vec<_>>());
    differ("new code".to_owned(), codes(a), codes(b));
    if differences.is_empty() {
        let (expected, found) = ("the sequential one".to_owned(), "another".to_owned());
        differences.push(Difference {
            item: "result of parallel execution".to_owned(),
            expected,
            found,
        });
    }
    differences
}

fn debug(value: &impl Debug) -> String {
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use braid_executor::{MemoryState, MissingRequestContracts, SequentialExecutor};
    use braid_precompiles::PortableCrypto;
    use braid_primitives::U256;

    use super::*;
    use crate::bench::Workload;

    #[test]
    fn agreement_is_silent_and_each_difference_is_named() {
        let bench = Workload::TokenTransfersToOneHolder.block(200_000);
        let mut executor = SequentialExecutor::new(bench.spec.clone(), PortableCrypto::new());
        executor.set_missing_request_contracts(MissingRequestContracts::Ignore);
        let outcome = executor.execute_block(&bench.block, &bench.state).unwrap();
        let sequential = Ok(outcome.clone());
        type Error = <MemoryState as braid_primitives::StateReader>::Error;
        let same: Parallel<Error> = Ok(outcome.clone());
        assert_eq!(disagreements(&sequential, &same), []);

        let mut other = outcome.clone();
        other.gas_used += 1;
        other.receipts[2].logs.clear();
        let (address, mut change) =
            outcome.state.accounts.iter().next().map(|(a, c)| (*a, c.clone())).unwrap();
        change.info.as_mut().unwrap().balance += U256::from(1);
        other.state.accounts = outcome
            .state
            .accounts
            .iter()
            .map(|(a, c)| (*a, if *a == address { change.clone() } else { c.clone() }))
            .collect();
        let found: Vec<_> = disagreements(&sequential, &Ok::<_, ParallelError<Error>>(other))
            .into_iter()
            .map(|difference| difference.item)
            .collect();
        let items = ["gas used", "receipt 2", &format!("changes of {address}")];
        assert_eq!(found, items.map(|item| format!("{item} by parallel execution")));

        let stopped: Parallel<Error> =
            Err(ParallelError::Panicked { worker: 1, message: "oh".to_owned() });
        let difference = &disagreements(&sequential, &stopped)[0];
        assert_eq!(difference.found, "worker 1 panicked: oh");
    }
}
