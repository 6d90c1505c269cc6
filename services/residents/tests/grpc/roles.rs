//! Who may call what.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, reporter, worker};
use minzheng_proto::residents::v1 as pb;
use tonic::Code;

use crate::common::*;

on_both_deployments!(a_wrong_role_is_denied_everywhere);

macro_rules! assert_denied {
    ($client:expr, $($method:ident $request:ident),+ $(,)?) => {
        $(assert_refused(
            $client.$method(pb::$request::default()).await,
            Code::PermissionDenied,
            "ROLE_REQUIRED",
        );)+
    };
}

async fn a_wrong_role_is_denied_everywhere(deployment: Deployment) {
    let node = start(&deployment).await;
    let mut hospital = client(&node, &reporter("hospital", NANMING));
    assert_denied!(
        hospital,
        register_person RegisterPersonRequest,
        get_person GetPersonRequest,
        list_persons ListPersonsRequest,
        r#match MatchRequest,
        resolve_or_provision ResolveOrProvisionRequest,
        decide_match DecideMatchRequest,
        correct_identity CorrectIdentityRequest,
        move_person MovePersonRequest,
        record_kinship RecordKinshipRequest,
        end_kinship EndKinshipRequest,
        list_kin ListKinRequest,
        list_dependants ListDependantsRequest,
        put_household PutHouseholdRequest,
        get_household GetHouseholdRequest,
    );
    for reader in [worker("wu.worker", NANMING), auditor()] {
        let mut reader = client(&node, &reader);
        assert_denied!(
            reader,
            register_person RegisterPersonRequest,
            resolve_or_provision ResolveOrProvisionRequest,
            decide_match DecideMatchRequest,
            correct_identity CorrectIdentityRequest,
            move_person MovePersonRequest,
            record_kinship RecordKinshipRequest,
            end_kinship EndKinshipRequest,
            list_dependants ListDependantsRequest,
            put_household PutHouseholdRequest,
        );
    }
    let channel = node.anonymous();
    let mut anonymous = pb::residents_service_client::ResidentsServiceClient::new(channel);
    let nobody = anonymous
        .list_persons(pb::ListPersonsRequest::default())
        .await;
    assert_refused(nobody, Code::Unauthenticated, "UNAUTHENTICATED");
    node.stop().await;
}
